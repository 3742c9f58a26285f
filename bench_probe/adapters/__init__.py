"""One file for each library that a server may wait in. A library that the server has not imported is left alone.

An adapter replaces a few functions of its library by ones that measure and then call the original. Every replacement
is undone at the end. An adapter that fails to install is undone and reported; it never stops the server.
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
    "asyncpg": ("asyncpg", "asyncpg.pool"),
    "psycopg": ("psycopg",),
    "psycopg_pool": ("psycopg_pool",),
    "aiohttp": ("aiohttp",),
    "requests": ("requests",),
    "urllib3": ("urllib3",),
}
"""Each adapter, by the name of its file less `watch_`, with the modules that must be imported before it can watch."""


@contextlib.contextmanager
def watching(accounts: RequestAccounts) -> Iterator[dict[str, str]]:
    """Watch every library that is imported, for as long as the block lasts.

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
            except Exception as error:  # another version of the library, and the server goes on without this figure
                failed[name] = f"{type(error).__name__}: {error}"
        yield failed
