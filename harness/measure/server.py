"""The measured server: a server program with the service in it, on a core of its own where there are two or more."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench_probe.telemetry import Mode
from harness.exceptions import BadInputError, BenchError
from harness.measure.child import Child
from harness.measure.ports import free_port
from harness.measure.program import ServerProgram
from harness.measure.services import Services
from harness.measure.uvicorn import UVICORN
from harness.plan.address import HOST, bracketed
from harness.plan.knobs import KNOBS, USUAL, Knobs
from harness.record.telemetry import Tail

START_LIMIT_S: Final = 30.0
ATTEMPTS: Final = 3
FACTORY: Final = "bench_app.app:create_app"
PROGRAM: Final[ServerProgram] = UVICORN
"""The server program that is measured."""


def options(settings: Iterable[Knobs] = (USUAL,), program: ServerProgram = PROGRAM) -> dict[str, Any]:
    """Return the settings of the server by their labels; a knob with several values lists them all."""
    knobs = list(settings)
    chosen = {
        knob.label: ", ".join(str(value) for value in dict.fromkeys(getattr(each, name) for each in knobs))
        for name, knob in KNOBS.items()
    }
    return {"program": program.name} | chosen | dict(program.shown)


@dataclass(frozen=True, slots=True)
class Server:
    """A running server of this project. `tail` reads what its probe writes; None where it has no probe."""

    child: Child
    port: int
    host: str = HOST
    tail: Tail | None = None
    loop_thread: int | None = None

    @property
    def url(self) -> str:
        return f"http://{bracketed(self.host)}:{self.port}"


@contextlib.contextmanager
def serve(
    services: Services,
    *,
    cores: Sequence[int],
    logs: Path,
    host: str = HOST,
    port: int | None = None,
    recorded: bool = False,
    probe: Mode | None = None,
    knobs: Knobs = USUAL,
    program: ServerProgram = PROGRAM,
) -> Iterator[Server]:
    """Start the server program on `port` of `host`, or on any free port, and wait until it answers.

    `recorded` starts the form that reports the thread of each handler. That form serves verification, never
    measurement. `probe` is the mode of the server's probe, None for a server without one.

    Raises:
        BadInputError: `port` was given, and no server can listen on it.
        BenchError: the server did not start, or did not answer in time.
    """
    name = "server that records threads" if recorded else "server"
    environment = services.environment | ({"BENCH_RECORD_THREADS": "1"} if recorded else {})
    environment |= knobs.environment
    tail = None
    if probe is not None:
        prefix = (logs / f"telemetry-{time.monotonic_ns()}").resolve()
        environment |= {"BENCH_PROBE": probe, "BENCH_TELEMETRY": str(prefix)}
        tail = Tail(prefix)
    for attempt in range(ATTEMPTS):
        try:
            chosen = free_port(port, host)
        except OSError as error:
            raise BadInputError(
                f"Port {port} cannot be listened on ({error.strerror}): give another --port, or none."
            ) from None
        with Child(
            name,
            program.command(FACTORY, host, chosen, knobs),
            cores=cores,
            log=logs / f"{name.replace(' ', '-')}.log",
            environment=environment,
        ) as child:
            try:
                _await_answer(child, program, f"http://{bracketed(host)}:{chosen}")
                if tail is not None:
                    _await_workers(child, tail, knobs.workers)
            except BenchError:
                # Another process may have taken the free port between the check and the start.
                if port is None and attempt + 1 < ATTEMPTS and "address already in use" in child.log.read_text():
                    continue
                raise
            try:
                yield Server(child, chosen, host, tail, program.loop_thread(child.pid))
            finally:
                if tail is not None:
                    child.stop()
                    tail.remove()
            return


def _await_workers(child: Child, tail: Tail, workers: int) -> None:
    """Wait until each worker has begun its telemetry, because one worker answers before the others are ready."""
    deadline = time.monotonic() + START_LIMIT_S
    while workers > 1 and tail.processes < workers:
        child.check()
        if time.monotonic() > deadline:
            raise BenchError(f"Only {tail.processes} of {workers} workers started within {START_LIMIT_S:g} s.")
        time.sleep(0.02)


def _await_answer(child: Child, program: ServerProgram, url: str) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline:
        child.check()
        if program.is_ready(url, timeout_s=1):
            return
        time.sleep(0.02)
    raise BenchError(f"The {child.role} did not answer within {START_LIMIT_S:g} s; its log is {child.log}.")
