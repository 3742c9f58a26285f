"""What the server tells about itself, through a file: a blocked event loop could not answer a question over HTTP.

A heartbeat on the loop says how late it is; a thread reads the gauges twenty times a second and writes a line for each
reading, whatever the loop does. Every time is `time.monotonic_ns()`, which on Linux is one clock for all processes.

    {"pid": 4242, "mode": "measure", "loop": "uvloop.Loop", "columns": ["t_ns", …]}
    [81234567890, 5, 1210, …]
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, Literal, Protocol

import anyio.to_thread

Mode = Literal["measure", "diagnose"]
MODES: Final[tuple[Mode, ...]] = ("measure", "diagnose")

BEAT_S: Final = 0.01
READING_S: Final = 0.05
READINGS_A_TOTAL: Final = 2
STALL_US: Final = 5_000
"""A beat that is later than this is written down by itself; of the others only the sum is kept."""

COLUMNS: Final = (
    *("t_ns", "beats", "late_us", "late_sq_us2", "overdue_us", "stalls_us"),
    *("tokens", "borrowed", "waiting"),
    *("loop_cpu_ns", "process_cpu_ns", "collections", "collecting_ns", "collecting_sq_us2"),
    *("pool_size", "pool_in_use", "pool_waiting"),
)
"""What a line holds, in order.

`t_ns` is when it was read. Of the heartbeat since the line before: how many `beats`, the sum of their lateness and of
its square, the single ones above 5 ms, and how long the next is overdue now. `tokens`, `borrowed` and `waiting` are
those of the default thread limiter. The CPU times, and the garbage collections with their duration and its square, are
totals since the start. Of the database pools: connections there are, that are out, and requests that wait; None where
there is no pool. Waiting for an asyncpg connection is not public, so only psycopg's counts there.
"""


class Gauge(Protocol):
    """Whoever knows the database pools: their size, what is out, and how many wait, in that order."""

    def __call__(self) -> tuple[int | None, int | None, int | None]: ...


def no_pools() -> tuple[None, None, None]:
    """A server without a database."""
    return None, None, None


class Heartbeat:
    """A timer on the loop that notes how late it is. Read by another thread, which takes what came together since."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._due_ns = 0
        self._late = _Lateness()

    def start(self) -> None:
        """Begin to beat; called on the loop."""
        self._arm()

    def stop(self) -> None:
        """Beat no more; called on the loop."""
        self._timer.cancel()

    def take(self) -> tuple[int, int, int, int, list[int]]:
        """Beats, lateness and its square, overdue time (µs, µs², µs) and the single stalls, since the last call."""
        # The exchange is one bytecode: a beat lands in the one or in the other, never in none.
        taken, self._late = self._late, _Lateness()
        overdue_us = max(0, (time.monotonic_ns() - self._due_ns) // 1000)
        return taken.beats, taken.sum_us, taken.square_us2, overdue_us, taken.stalls_us

    def _arm(self) -> None:
        # Not on an absolute schedule: one stall is one late beat, and not twenty.
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


class Collector:
    """Counts the garbage collections of this process and how long they took."""

    def __init__(self) -> None:
        self.count = self.total_ns = self.square_us2 = 0
        self._began_ns = 0

    def __enter__(self) -> Collector:
        gc.callbacks.append(self._told)
        return self

    def __exit__(self, *_: object) -> None:
        gc.callbacks.remove(self._told)

    def _told(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._began_ns = time.monotonic_ns()
            return
        took_ns = time.monotonic_ns() - self._began_ns
        self.count += 1
        self.total_ns += took_ns
        self.square_us2 += (took_ns // 1000) ** 2


@contextlib.contextmanager
def probing(path: Path, mode: Mode, pools: Gauge, totals: Callable[[], dict[str, Any]] | None = None) -> Iterator[None]:
    """Write readings to `path` for as long as the block lasts; called on the loop.

    `totals` is asked a few times a second for what only `diagnose` has; it is written as an object on its own line.
    Where the file cannot be written, nothing is: telemetry never stops a server.
    """
    loop = asyncio.get_running_loop()
    heartbeat = Heartbeat(loop)
    # Bound to this loop: another thread may read it, but could not find it.
    limiter = anyio.to_thread.current_default_thread_limiter()
    loop_clock = time.pthread_getcpuclockid(threading.get_ident())
    over = threading.Event()
    with Collector() as collector, contextlib.ExitStack() as files:
        try:
            file = files.enter_context(path.open("ab", buffering=0))
        except OSError:
            yield
            return

        def say(line: object) -> None:
            file.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")

        def reading() -> list[Any]:
            waiting = limiter.statistics().tasks_waiting
            return [
                *(time.monotonic_ns(), *heartbeat.take()),
                *(int(limiter.total_tokens), limiter.borrowed_tokens, waiting),
                *(time.clock_gettime_ns(loop_clock), time.process_time_ns()),
                *(collector.count, collector.total_ns, collector.square_us2),
                *pools(),
            ]

        def read() -> None:
            kind = f"{type(loop).__module__}.{type(loop).__qualname__}"
            header = {"pid": os.getpid(), "mode": mode, "loop": kind, "columns": COLUMNS}
            readings = 0
            with contextlib.suppress(OSError):  # a full disk ends the telemetry, not the server
                say(header)
                while not over.wait(READING_S):
                    say(reading())
                    readings += 1
                    if totals is not None and readings % READINGS_A_TOTAL == 0:
                        say({"t_ns": time.monotonic_ns()} | totals())

        reader = threading.Thread(target=read, name="probe", daemon=True)
        heartbeat.start()
        reader.start()
        try:
            yield
        finally:
            heartbeat.stop()
            over.set()
            # Off the loop it would be awaited; here it ends within a reading's time.
            reader.join()
