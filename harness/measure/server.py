"""The measured server: uvicorn, on a core of its own where there are two."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench_app.paths import BYSTANDER_PATH
from bench_probe.telemetry import Mode
from harness.exceptions import BadInputError, BenchError
from harness.measure.child import Child, fetch
from harness.measure.ports import free_port
from harness.measure.services import Services
from harness.plan.address import HOST, bracketed
from harness.plan.knobs import KNOBS, USUAL, Knobs
from harness.record.telemetry import Tail

START_LIMIT_S: Final = 30.0
# uvicorn closes an idle connection after 5 s; a run must never meet that.
KEEP_ALIVE_S: Final = 3_600
ATTEMPTS: Final = 3


def options(settings: Iterable[Knobs] = (USUAL,)) -> dict[str, Any]:
    """How the server is started, in words; a knob with several values names them all."""
    knobs = list(settings)
    chosen = {
        knob.label: ", ".join(str(value) for value in dict.fromkeys(getattr(each, name) for each in knobs))
        for name, knob in KNOBS.items()
    }
    return chosen | {"access log": "off", "keep-alive": f"{KEEP_ALIVE_S} s"}


@dataclass(frozen=True, slots=True)
class Server:
    """A server of ours that answers. `tail` reads what its probe writes, None where it has none."""

    child: Child
    port: int
    host: str = HOST
    tail: Tail | None = None

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
) -> Iterator[Server]:
    """uvicorn on `port` of `host`, or on any free one, ready to answer.

    `recorded` starts the form that tells which thread ran each handler; it is for verifying, never for measuring.
    `probe` is the mode in which it tells what goes on in it; None for a server that tells nothing.

    Raises:
        BadInputError: `port` was asked for and is taken.
        BenchError: the server did not come up.
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
            _command(host, chosen, knobs),
            cores=cores,
            log=logs / f"{name.replace(' ', '-')}.log",
            environment=environment,
        ) as child:
            try:
                _await_answer(child, f"http://{bracketed(host)}:{chosen}")
                if tail is not None:
                    _await_workers(child, tail, knobs.workers)
            except BenchError:
                # Someone may have taken the free port between the look and the start.
                if port is None and attempt + 1 < ATTEMPTS and "address already in use" in child.log.read_text():
                    continue
                raise
            try:
                yield Server(child, chosen, host, tail)
            finally:
                if tail is not None:
                    child.stop()
                    tail.remove()
            return


def _command(host: str, port: int, knobs: Knobs) -> list[str]:
    return [
        *(sys.executable, "-m", "uvicorn", "--factory", "bench_app.app:create_app"),
        *("--host", host, "--port", str(port), "--workers", str(knobs.workers)),
        *("--loop", knobs.loop, "--http", knobs.http),
        *("--no-access-log", "--log-level", "warning", "--timeout-keep-alive", str(KEEP_ALIVE_S)),
        # What it still works on when it is stopped, nobody waits for.
        *("--timeout-graceful-shutdown", "1"),
    ]


def _await_workers(child: Child, tail: Tail, workers: int) -> None:
    """One worker answers before the others are there; each begins its telemetry when it is."""
    deadline = time.monotonic() + START_LIMIT_S
    while workers > 1 and tail.processes < workers:
        child.check()
        if time.monotonic() > deadline:
            raise BenchError(f"Only {tail.processes} of {workers} workers came up in {START_LIMIT_S:g} s.")
        time.sleep(0.02)


def _await_answer(child: Child, url: str) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline:
        child.check()
        with contextlib.suppress(OSError):
            fetch(url + BYSTANDER_PATH, timeout_s=1)
            return
        time.sleep(0.02)
    raise BenchError(f"The {child.role} did not answer within {START_LIMIT_S:g} s; its log is {child.log}.")
