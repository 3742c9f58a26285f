"""Times hops to anyio's worker threads: the wait for a thread, the call, and the wait for the loop."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from bench_probe.accounts import RequestAccounts
from bench_probe.adapters.patches import Patches
from bench_probe.flight import TOKENS


def install(accounts: RequestAccounts, patches: Patches) -> None:
    """Time every call of `anyio.to_thread.run_sync`; one with a limiter of its own has a pool of that size."""
    to_thread = sys.modules["anyio.to_thread"]
    original = to_thread.run_sync

    async def run_sync(function: Callable[..., Any], *args: Any, limiter: Any = None, **options: Any) -> Any:
        size = 0 if limiter is None else int(min(limiter.total_tokens, sys.maxsize))
        hop = accounts.hop_asked(TOKENS if limiter is None else f"a limiter of {size}", function)
        try:
            return await original(accounts.in_thread(hop, function), *args, limiter=limiter, **options)
        finally:
            accounts.hop_over(hop, size)

    patches.replace(to_thread, "run_sync", run_sync)
