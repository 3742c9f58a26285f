"""The probe of one server process: telemetry, and in the mode `diagnose` also request accounts and loop stacks."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench_probe.accounts import Application as AsgiApplication
from bench_probe.accounts import RequestAccounts
from bench_probe.loop_stacks import Application, LoopStacks
from bench_probe.telemetry import Mode, PoolGauge, telling


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
        stacks = LoopStacks(accounts, threading.get_ident(), self._application)

        def totals() -> dict[str, Any]:
            return {"accounts": accounts.totals(), "stacks": stacks.totals(), "not_watched": accounts.not_watched}

        with accounts.kept(), stacks.sampling(), telling(path, self._mode, pools, totals):
            yield
