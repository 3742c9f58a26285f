"""Times the calls in every `ThreadPoolExecutor`, asyncio's own included: the wait for a thread, and the call."""

from __future__ import annotations

import concurrent.futures
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from bench_probe.accounts import RequestAccounts
from bench_probe.adapters.patches import Patches

ASYNCIO: Final = "asyncio's executor"
TO_THREAD: Final = str(Path("asyncio", "threads.py"))
FRAMES: Final = 4


def install(accounts: RequestAccounts, patches: Patches) -> None:
    """Time `ThreadPoolExecutor.submit`, which both loops call for `run_in_executor` and `asyncio.to_thread`."""
    submit = concurrent.futures.ThreadPoolExecutor.submit

    def timed_submit(self: ThreadPoolExecutor, function: Callable[..., Any], /, *args: Any, **options: Any) -> Any:
        size = self._max_workers
        hop = accounts.hop_asked(_name_of(self, size), _called(function, args))
        try:
            future: Future[Any] = submit(self, accounts.in_thread(hop, function), *args, **options)
        except BaseException:
            accounts.hop_over(hop, size)
            raise
        future.add_done_callback(lambda _: accounts.hop_over(hop, size))
        return future

    patches.replace(ThreadPoolExecutor, "submit", timed_submit)


def _called(function: Callable[..., Any], args: tuple[Any, ...]) -> Callable[..., Any]:
    """Return the function that the caller meant: `asyncio.to_thread` hands it on to `Context.run`."""
    inner = getattr(function, "func", function)
    if getattr(inner, "__qualname__", "") == "Context.run":
        return next((each for each in (*getattr(function, "args", ()), *args) if callable(each)), function)
    return function


def _name_of(executor: ThreadPoolExecutor, size: int) -> str:
    """Return the pool's name: whether a loop uses it as its own, and how many threads it may have."""
    own = executor._thread_name_prefix == "asyncio"
    frame = sys._getframe(2)
    for _ in range(FRAMES):
        own = own or frame.f_code.co_filename.endswith(TO_THREAD)
        if frame.f_back is None:
            break
        frame = frame.f_back
    return ASYNCIO if own else f"an executor of {size}"
