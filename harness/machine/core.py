"""A core: when it counts as full, and how fast it is now, by a fixed piece of work that is timed before each trial."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Final

FULL_CORE: Final = 0.90
"""A core that is busy for this share of the time is full: what needs more of it waits."""

STEPS: Final = 60_000
TRIES: Final = 6


def core_speed_ms(cores: Sequence[int]) -> float:
    """Return how long a fixed loop takes on these cores now, in milliseconds: the best of `TRIES` runs.

    An interruption can only lengthen a run, so the shortest one shows the speed of the core itself. This process moves
    to `cores` for that time. It stays where it is if `cores` is empty or the system cannot bind a process to cores.
    """
    if not cores or not hasattr(os, "sched_setaffinity"):
        return _best()
    home = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        return _best()
    finally:
        os.sched_setaffinity(0, home)


def _best() -> float:
    return round(min(_once() for _ in range(TRIES)) / 1e6, 4)


def _once() -> int:
    start_ns, total = time.perf_counter_ns(), 0
    for step in range(STEPS):
        total += step
    return time.perf_counter_ns() - start_ns
