"""Telemetry of a server, written to a file, because a blocked event loop cannot answer over HTTP.

A heartbeat on the loop measures the loop's lag. A thread reads the gauges twenty times a second and writes one line for
each reading, even while the loop is blocked. Times are `time.monotonic_ns()`, which on Linux is one clock for all
processes.

    {"pid": 4242, "mode": "measure", "loop": "uvloop.Loop", "columns": ["t_ns", …]}
    [81234567890, 5, 1210, …]
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, Literal, Protocol

Mode = Literal["measure", "diagnose"]

BEAT_S: Final = 0.01
READING_S: Final = 0.05
READINGS_A_TOTAL: Final = 2
READINGS_A_COUNT: Final = 4
"""Tasks are counted at every fourth reading, because to count them takes a time for each."""
TRIES: Final = 10
STALL_US: Final = 5_000
"""A beat later than this is also recorded individually. The others only add to the sums."""

COLUMNS: Final = (
    *("t_ns", "beats", "late_us", "late_sq_us2", "overdue_us", "stalls_us"),
    *("tokens", "borrowed", "waiting"),
    *("loop_cpu_ns", "process_cpu_ns", "collecting_ns"),
    *("pool_size", "pool_in_use", "tasks"),
)
"""The values of a line, in order.

- `t_ns`: when the reading began.
- `beats`, `late_us`, `late_sq_us2`: the heartbeats since the previous line, the sum of their lateness, and the sum of
  its squares. `overdue_us`: how late the next beat is now. `stalls_us`: the list of single latenesses above 5 ms.
- `tokens`, `borrowed`, `waiting`: those of anyio's default thread limiter; 0 where the server has not imported anyio.
- `loop_cpu_ns`, `process_cpu_ns`: CPU time of the loop's thread and of the process, since each began.
- `collecting_ns`: time spent in garbage collections since the probe began.
- `pool_size`, `pool_in_use`: database connections that are open and in use; None where there is no pool.
- `tasks`: asyncio's tasks that have not ended; None where they were not counted at this reading.
"""


class PoolGauge(Protocol):
    """Returns (size, connections in use) of the database pools, or (None, None) where there is no pool."""

    def __call__(self) -> tuple[int | None, int | None]: ...


class Heartbeat:
    """A timer on the loop that records how late it fires. Another thread takes the counts and resets them."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._due_ns = 0
        self._late = _Lateness()

    def start(self) -> None:
        """Start the timer. Call this on the loop."""
        self._arm()

    def stop(self) -> None:
        """Stop the timer. Call this on the loop."""
        self._timer.cancel()

    def take(self) -> tuple[int, int, int, int, list[int]]:
        """Return what has accumulated since the last call, and reset it.

        Returns:
            The number of beats, the sum of their lateness (µs), the sum of its squares (µs²), how late the next beat is
            now (µs), and the single latenesses above 5 ms (µs).
        """
        # One bytecode stores the new object, so that each beat is added to the old one or to the new one.
        taken, self._late = self._late, _Lateness()
        overdue_us = max(0, (time.monotonic_ns() - self._due_ns) // 1000)
        return taken.beats, taken.sum_us, taken.square_us2, overdue_us, taken.stalls_us

    def _arm(self) -> None:
        # Each beat is due one period after the last one, so that one stall gives one late beat instead of many.
        self._due_ns = time.monotonic_ns() + int(BEAT_S * 1e9)
        self._timer = self._loop.call_later(BEAT_S, self._beat)

    def _beat(self) -> None:
        self._late.add(max(0, (time.monotonic_ns() - self._due_ns) // 1000))
        self._arm()


class _Lateness:
    __slots__ = ("beats", "square_us2", "stalls_us", "sum_us")

    def __init__(self) -> None:
        self.beats = self.sum_us = self.square_us2 = 0
        self.stalls_us: list[int] = []

    def add(self, late_us: int) -> None:
        self.beats += 1
        self.sum_us += late_us
        self.square_us2 += late_us * late_us
        if late_us > STALL_US:
            self.stalls_us.append(late_us)


class Collections:
    """Sums the time that this process spends in garbage collections."""

    def __init__(self) -> None:
        self.total_ns = 0
        self._began_ns = 0

    def __enter__(self) -> Collections:
        gc.callbacks.append(self._collected)
        return self

    def __exit__(self, *_: object) -> None:
        gc.callbacks.remove(self._collected)

    def _collected(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._began_ns = time.monotonic_ns()
        else:
            self.total_ns += time.monotonic_ns() - self._began_ns


def thread_gauge() -> Callable[[], tuple[int, int, int]]:
    """Return a function that reads (tokens, borrowed tokens, waiting tasks) of anyio's default limiter.

    Call this on the loop, because anyio finds the limiter only from there; call the returned function on any thread.
    Where the server has not imported anyio, all three values stay 0.
    """
    to_thread = sys.modules.get("anyio.to_thread")
    if to_thread is None:
        return lambda: (0, 0, 0)
    limiter = to_thread.current_default_thread_limiter()

    def read() -> tuple[int, int, int]:
        return int(limiter.total_tokens), limiter.borrowed_tokens, limiter.statistics().tasks_waiting

    return read


def task_count() -> int | None:
    """Return how many asyncio tasks have not ended; None where this Python does not tell another thread."""
    # Python 3.12 renamed the set, and 3.14 leaves it empty.
    known = getattr(asyncio.tasks, "_scheduled_tasks", None) or getattr(asyncio.tasks, "_all_tasks", None)
    if not isinstance(known, weakref.WeakSet):
        return None
    for _ in range(TRIES):
        # The loop's thread adds and removes tasks meanwhile. Ended ones stay until the collector has found them.
        with contextlib.suppress(RuntimeError):
            return sum(not task.done() for task in list(known))
    return None


@contextlib.contextmanager
def telling(
    path: Path, mode: Mode, pools: PoolGauge | None = None, totals: Callable[[], dict[str, Any]] | None = None
) -> Iterator[None]:
    """Write readings to `path` while the block runs. Call this on the loop.

    After every second reading, a further line holds the result of `totals`, which the mode `diagnose` gives, as an
    object. A file that cannot be written ends the telemetry and never the server.
    """
    loop = asyncio.get_running_loop()
    heartbeat, threads = Heartbeat(loop), thread_gauge()
    loop_clock = time.pthread_getcpuclockid(threading.get_ident())
    over = threading.Event()
    with Collections() as collections, contextlib.ExitStack() as files:
        try:
            file = files.enter_context(path.open("ab", buffering=0))
        except OSError:
            yield
            return

        def say(line: object) -> None:
            file.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")

        def reading(readings: int) -> list[Any]:
            return [
                *(time.monotonic_ns(), *heartbeat.take()),
                *threads(),
                *(time.clock_gettime_ns(loop_clock), time.process_time_ns(), collections.total_ns),
                *(pools() if pools is not None else (None, None)),
                task_count() if readings % READINGS_A_COUNT == 0 else None,
            ]

        def read() -> None:
            kind = f"{type(loop).__module__}.{type(loop).__qualname__}"
            header = {"pid": os.getpid(), "mode": mode, "loop": kind, "columns": COLUMNS}
            readings = 0
            with contextlib.suppress(OSError):  # a full disk ends the telemetry, not the server
                say(header)
                while not over.wait(READING_S):
                    say(reading(readings))
                    readings += 1
                    if totals is not None and readings % READINGS_A_TOTAL == 0:
                        say({"t_ns": time.monotonic_ns()} | totals())

        reader = threading.Thread(target=read, name="bench-probe", daemon=True)
        heartbeat.start()
        reader.start()
        try:
            yield
        finally:
            heartbeat.stop()
            over.set()
            # This blocks the loop, but only until the reader has finished the reading that it has begun.
            reader.join()
