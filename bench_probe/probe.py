"""The probe of one server process: telemetry, and in the mode `diagnose` also accounts, loop stacks, wait profile."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench_probe.accounts import Application as AsgiApplication
from bench_probe.accounts import RequestAccounts
from bench_probe.application import Application
from bench_probe.loop_stacks import LoopStacks
from bench_probe.telemetry import Mode, PoolGauge, telling
from bench_probe.wait_profile import WaitProfile


def told_of(route: str, handler: Callable[..., Any], application: Application) -> dict[str, Any] | None:
    """Return a route's handler with its file and first line; None for a handler that is no function."""
    code = getattr(inspect.unwrap(handler), "__code__", None)
    if code is None:
        return None
    file, line = application.spelled(code.co_filename), code.co_firstlineno
    return {"route": route, "file": file, "line": line, "function": code.co_name}


class Probe:
    """Observes one server process and writes its readings to `{prefix}.{pid}.jsonl`.

    `application` decides which code is the application's own.
    """

    def __init__(self, prefix: str, mode: Mode, application: Application | None = None) -> None:
        self._prefix = prefix
        self._mode = mode
        self._application = application
        self._accounts = RequestAccounts() if mode == "diagnose" else None

    def wrap(self, app: AsgiApplication) -> AsgiApplication:
        """Return the application, wrapped to charge each request to its route; in the mode `measure` unchanged."""
        return app if self._accounts is None else self._accounts.middleware(app)

    @contextlib.contextmanager
    def watching(self, pools: PoolGauge | None = None) -> Iterator[None]:
        """Observe the process while the block runs. Call this on the loop."""
        # The process id keeps the files of several workers apart.
        path = Path(f"{self._prefix}.{os.getpid()}.jsonl")
        accounts = self._accounts
        if accounts is None:
            with telling(path, self._mode, pools):
                yield
            return
        application = self._application or Application()
        stacks = LoopStacks(accounts, threading.get_ident(), application)
        waits = WaitProfile(accounts, asyncio.get_running_loop(), application)

        def totals() -> dict[str, Any]:
            return {
                "accounts": accounts.totals(),
                "callees": accounts.callee_totals(),
                "pools": accounts.pool_totals(),
                "left_behind": accounts.left_behind(),
                "stacks": stacks.totals(),
                "waits": waits.totals(),
                "handlers": list(
                    filter(None, (told_of(*each, application) for each in tuple(accounts.handlers.items())))
                ),
                "not_watched": accounts.not_watched,
                "gil": getattr(sys, "_is_gil_enabled", lambda: True)(),
            }

        with accounts.kept(), stacks.sampling(), waits.looking(), telling(path, self._mode, pools, totals):
            yield
