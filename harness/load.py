"""The load process as the conductor sees it: orders in, results out, and a watch on whoever else must stay alive."""

from __future__ import annotations

import contextlib
import select
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from harness.child import Child
from harness.exceptions import BenchError
from scenarios.protocol import Ready, TrialOrder, TrialResult

ORDERS: Final = TypeAdapter(TrialOrder)
RESULTS: Final = TypeAdapter(TrialResult)
READY: Final = TypeAdapter(Ready)

START_LIMIT_S: Final = 60.0
CONNECT_LIMIT_S: Final = 20.0
SPARE_S: Final = 15.0
LOOK_S: Final = 0.1


class Load:
    """A running load process, which does one trial after the other."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self._received = b""

    def run(self, order: TrialOrder, check: Callable[[], None]) -> TrialResult:
        """Run one trial; `check` is called several times a second and raises if the trial has become pointless."""
        try:
            self._child.input.write(ORDERS.dump_json(order) + b"\n")
            self._child.input.flush()
        except BrokenPipeError:
            self._child.stop()
            self._child.check()
        limit_s = CONNECT_LIMIT_S + order.warmup_s + order.window_s + 2 * order.drain_s + SPARE_S
        return RESULTS.validate_json(self.receive(limit_s, check))

    def receive(self, limit_s: float, check: Callable[[], None]) -> bytes:
        """The process's next line."""
        deadline = time.monotonic() + limit_s
        while b"\n" not in self._received:
            self._child.check()
            check()
            if time.monotonic() > deadline:
                raise BenchError(f"The load process said nothing for {limit_s:g} s; its log is {self._child.log}.")
            if select.select([self._child.output], [], [], LOOK_S)[0]:
                self._received += self._child.output.read1(1 << 20)  # type: ignore[attr-defined]  # a BufferedReader
        line, _, self._received = self._received.partition(b"\n")
        return line


@contextlib.contextmanager
def open_load(*, cores: Sequence[int], logs: Path) -> Iterator[Load]:
    """Start the load process; it has imported Locust and is ready for its first order."""
    command = [sys.executable, "-m", "scenarios.load"]
    with Child("load process", command, cores=cores, log=logs / "load.log", piped=True) as child:
        load = Load(child)
        READY.validate_json(load.receive(START_LIMIT_S, lambda: None))
        yield load
