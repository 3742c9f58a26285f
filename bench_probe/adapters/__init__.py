"""Adapters, one file for each library that a server may wait in. Only libraries that the server imports are patched.

An adapter replaces a few functions of its library by functions that measure and call the original. All originals are
restored at the end. An adapter that fails to install is reverted and reported. It never stops the server.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from bench_probe.adapters.patches import Patches

if TYPE_CHECKING:
    from bench_probe.accounts import RequestAccounts

ADAPTERS: Final = {
    "anyio": ("anyio.to_thread",),
    "executor": ("concurrent.futures",),
    "asyncpg": ("asyncpg", "asyncpg.pool"),
    "psycopg": ("psycopg",),
    "psycopg_pool": ("psycopg_pool",),
    "aiohttp": ("aiohttp",),
    "requests": ("requests",),
    "urllib3": ("urllib3",),
}
"""Each adapter, by the name of its file without `watch_`, with the modules that the server must have imported."""


@contextlib.contextmanager
def watching(accounts: RequestAccounts) -> Iterator[dict[str, str]]:
    """Install the adapters of all libraries that are imported now, and remove them when the block ends.

    Yields:
        The adapters that could not be installed, each with the reason.
    """
    failed: dict[str, str] = {}
    with Patches() as installed:
        for name, needed in ADAPTERS.items():
            if not all(module in sys.modules for module in needed):
                continue
            try:
                with Patches() as patches:
                    importlib.import_module(f"bench_probe.adapters.watch_{name}").install(accounts, patches)
                    installed.take_over(patches)
            except Exception as error:  # an unknown version of the library must not stop the server
                failed[name] = f"{type(error).__name__}: {error}"
        yield failed
