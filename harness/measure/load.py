"""The load process, as a run uses it: the run sends orders, receives results, and checks its other processes."""

from __future__ import annotations

import contextlib
import select
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from harness.exceptions import BadInputError, BenchError
from harness.measure.child import Child
from harness.plan.address import HOST, Meeting
from scenarios.wire.protocol import Joined, Ready, TrialOrder, TrialResult

ORDERS: Final = TypeAdapter(TrialOrder)
RESULTS: Final = TypeAdapter(TrialResult)
READY: Final = TypeAdapter(Ready)
JOINED: Final = TypeAdapter(Joined)

START_LIMIT_S: Final = 60.0
JOIN_LIMIT_S: Final = 120.0
CONNECT_LIMIT_S: Final = 20.0
SPARE_S: Final = 15.0
LOOK_S: Final = 0.1


class SilentError(BenchError):
    """The load process sent nothing for too long."""


class Load:
    """A running load process, which carries out one trial at a time."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self._received = b""
        self._ready: Ready | None = None
        self.workers: tuple[str, ...] = ()
        """The names of the load processes of other machines that make the load."""
        self.between_trials: Callable[[], None] = lambda: None

    @property
    def pid(self) -> int:
        return self._child.pid

    def run(self, order: TrialOrder, check: Callable[[], None]) -> TrialResult:
        """Run one trial, and return its result.

        `check` is called several times a second, and raises if the trial has become pointless.

        Raises:
            ChildDiedError: the load process ended.
            SilentError: the load process sent no result in time.
        """
        self.await_ready()
        self.between_trials()
        try:
            self._child.input.write(ORDERS.dump_json(order) + b"\n")
            self._child.input.flush()
        except BrokenPipeError:
            self._child.stop()
            self._child.check()
        limit_s = 2 * CONNECT_LIMIT_S + order.warmup_s + order.window_s + 2 * order.drain_s + SPARE_S
        return RESULTS.validate_json(self.receive(limit_s, check))

    def await_ready(self) -> Ready:
        """Return the process's first line, which it sends once it has imported Locust."""
        if self._ready is None:
            self._ready = READY.validate_json(self.receive(START_LIMIT_S, lambda: None))
        return self._ready

    def receive(self, limit_s: float, check: Callable[[], None]) -> bytes:
        """Return the process's next line; `check` is called while it waits.

        Raises:
            ChildDiedError: the load process ended.
            SilentError: no line came within `limit_s` seconds.
        """
        deadline = time.monotonic() + limit_s
        while b"\n" not in self._received:
            self._child.check()
            check()
            if time.monotonic() > deadline:
                raise SilentError(f"The load process sent nothing for {limit_s:g} s; its log is {self._child.log}.")
            if select.select([self._child.output], [], [], LOOK_S)[0]:
                self._received += self._child.output.read1(1 << 20)  # type: ignore[attr-defined]  # a BufferedReader
        line, _, self._received = self._received.partition(b"\n")
        return line


@contextlib.contextmanager
def open_load(*, cores: Sequence[int], logs: Path) -> Iterator[Load]:
    """Start the load process. Its first trial waits until it is ready."""
    with _leader([], cores, logs) as load:
        yield load


@contextlib.contextmanager
def open_worker_group(*, cores: Sequence[int], logs: Path, processes: int) -> Iterator[Load]:
    """Start `processes` load processes on this machine, spread over `cores`, and one that leads them.

    When one of them dies, its trial fails, and the process is started again before the next trial.
    """
    with contextlib.ExitStack() as stack:
        load = stack.enter_context(_leader(["--workers", str(processes)], cores, logs))
        ready = load.await_ready()

        def start(number: int) -> Child:
            command = [sys.executable, "-m", "scenarios.runner.worker", "--host", HOST, "--port", str(ready.port)]
            core, log = cores[number % len(cores)], logs / f"load-{number + 1}.log"
            return stack.enter_context(Child(f"load process {number + 1}", command, cores=[core], log=log))

        children = [start(number) for number in range(processes)]

        def replace_the_dead() -> None:
            for number, child in enumerate(children):
                if not child.is_alive:
                    children[number] = start(number)

        def check() -> None:
            for child in children:
                child.check()

        _follow_joining(load, START_LIMIT_S, check)
        load.between_trials = replace_the_dead
        yield load


@contextlib.contextmanager
def open_meeting(meeting: Meeting, *, cores: Sequence[int], logs: Path, tell: Callable[[str], None]) -> Iterator[Load]:
    """Start the process that leads the workers of other machines, and wait until all of them have joined.

    Raises:
        BadInputError: the address is not one of this machine or is taken, or too few workers joined in time.
    """
    family = socket.AF_INET6 if ":" in meeting.host else socket.AF_INET
    try:
        with socket.create_server((meeting.host, meeting.port), family=family):
            pass
    except OSError as error:
        raise BadInputError(
            f"--master-bind {meeting} cannot be listened on ({error.strerror or error}): "
            "give an address of this machine that the workers reach."
        ) from None
    options = ["--workers", str(meeting.workers), "--bind", meeting.host, "--port", str(meeting.port)]
    with _leader(options, cores, logs) as load:
        load.await_ready()
        seen = Joined((), meeting.workers)

        def show(joined: Joined) -> None:
            nonlocal seen
            seen = joined
            away = f"; sent away: {', '.join(joined.refused)}" if joined.refused else ""
            tell(f"waiting for workers at {meeting}: {len(joined.present)} of {joined.expected}{away}")

        try:
            _follow_joining(load, JOIN_LIMIT_S, lambda: None, show)
        except SilentError:
            away = f" and {', '.join(seen.refused)} was of another version" if seen.refused else ""
            raise BadInputError(
                f"{len(seen.present)} of {seen.expected} workers joined within {JOIN_LIMIT_S:g} s{away}: "
                f"start `python bench.py worker --master {meeting}` on the other machines, or expect fewer."
            ) from None
        load.workers = seen.present
        yield load


@contextlib.contextmanager
def _leader(options: Sequence[str], cores: Sequence[int], logs: Path) -> Iterator[Load]:
    command = [sys.executable, "-m", "scenarios.runner.load", *options]
    with Child("load process", command, cores=cores, log=logs / "load.log", piped=True) as child:
        yield Load(child)


def _follow_joining(
    load: Load, limit_s: float, check: Callable[[], None], tell: Callable[[Joined], None] = lambda _: None
) -> None:
    """Read the lines that list the workers that joined, until all have; raise SilentError when the time is up."""
    deadline = time.monotonic() + limit_s
    while True:
        joined = JOINED.validate_json(load.receive(deadline - time.monotonic(), check))
        tell(joined)
        if joined.is_complete:
            return
