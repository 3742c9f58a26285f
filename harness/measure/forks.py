"""Runs independent pieces of work in forks of this process, one fork for each of its cores."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from bench_app.die_with_parent import die_with_parent

Item = TypeVar("Item")
Result = TypeVar("Result")

ITEMS_A_FORK: Final = 4
"""With fewer pieces of work, a fork costs more than it saves."""


def in_forks(work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Return `work(item)` for every item, in order.

    The forks inherit work and items, so only the results are sent between processes. This process does the work itself
    where it has one core, few items, or a second thread, which a fork would not have.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    processes = min(cores, len(items) // ITEMS_A_FORK)
    if processes < 2 or threading.active_count() > 1:
        return [work(item) for item in items]
    _SHARED[:] = [(work, item) for item in items]
    pool = multiprocessing.get_context("fork").Pool(processes, _obey)
    try:
        results: list[Result] = pool.map(_do, range(len(items)), chunksize=1)
        pool.close()
    except BaseException:
        pool.terminate()
        raise
    finally:
        pool.join()
        _SHARED.clear()
    return results


_SHARED: list[tuple[Callable[[Any], Any], Any]] = []
"""What the forks inherit. Work may contain functions, which cannot be sent to another process."""


def _obey() -> None:
    """Let SIGTERM, SIGHUP and the end of its parent end this fork, and leave Ctrl-C to the parent.

    The fork inherits the signal handlers of the command line, which would do something else.
    """
    die_with_parent()
    gc.disable()  # the fork ends before there is anything worth collecting
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def _do(position: int) -> Any:
    work, item = _SHARED[position]
    return work(item)
