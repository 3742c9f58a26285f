"""Times hops to anyio's default thread pool: the wait for a thread, the call, and the wait for the loop."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from bench_probe.accounts import RequestAccounts
from bench_probe.adapters.patches import Patches


def install(accounts: RequestAccounts, patches: Patches) -> None:
    """Time every call of `anyio.to_thread.run_sync` that uses the default limiter."""
    to_thread = sys.modules["anyio.to_thread"]
    original = to_thread.run_sync

    async def run_sync(function: Callable[..., Any], *args: Any, limiter: Any = None, **options: Any) -> Any:
        if limiter is not None:  # not the shared default pool
            return await original(function, *args, limiter=limiter, **options)
        account, asked = accounts.current, time.monotonic_ns()
        began = ended = 0

        def timed(*args: Any) -> Any:
            nonlocal began, ended
            began = time.monotonic_ns()
            try:
                return function(*args)
            finally:
                ended = time.monotonic_ns()

        try:
            return await original(timed, *args, **options)
        finally:
            if ended:
                account.hops += 1
                account.queued += began - asked
                account.served += ended - began
                account.returned += time.monotonic_ns() - ended

    patches.replace(to_thread, "run_sync", run_sync)
