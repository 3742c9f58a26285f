"""Does independent pieces of work in forks of this process, as many as it has cores for."""

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
"""For fewer pieces than this a fork costs more than it saves."""


def in_forks(work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Return `work(item)` for every item, in order.

    The forks know work and items already, so that neither needs to be sent to them; the results are. Where this process
    has one core, few items, or a second thread, which a fork would not have, it does the work itself.
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
"""What the forks inherit. Work may hold functions, which cannot be sent to another process."""


def _obey() -> None:
    """End this fork when it is told to, or when its parent is gone; leave Ctrl-C to the parent.

    The signal handlers that it inherits are those of the command line, and would do otherwise.
    """
    die_with_parent()
    gc.disable()  # it ends before there is anything worth collecting
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def _do(position: int) -> Any:
    work, item = _SHARED[position]
    return work(item)
