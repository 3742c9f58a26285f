"""`bench.py ui`: start the services, a server, and Locust's web UI on loopback, until Ctrl-C."""

from __future__ import annotations

import contextlib
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from rich.console import Console

from bench_app.discovery import discover
from harness.exceptions import BadInputError, BenchError
from harness.machine.placement import find_place, taking_place
from harness.measure.child import Child, fetch
from harness.measure.ports import check_port, free_port
from harness.measure.server import serve
from harness.measure.services import open_services
from harness.plan.address import HOST
from harness.plan.planning import make_plan

DEFAULT_PORT: Final = 8089
START_LIMIT_S: Final = 30.0
LOOK_S: Final = 0.5


def ui(*, workloads_dir: Path | None, dsn: str | None, port: int | None) -> None:
    """Serve Locust's web UI until Ctrl-C, and return when everything is stopped.

    Raises:
        BadInputError: `port` is given and taken.
        BenchError: one of the processes did not start, or died.
    """
    console = Console(highlight=False)
    check_port(port)
    plan = make_plan(discover(folder=workloads_dir))
    placement = find_place()
    chosen = _port(port)
    with tempfile.TemporaryDirectory(prefix="bench-ui-") as folder:
        logs = Path(folder)
        console.print("starting database, upstream, server and Locust …")
        with (
            taking_place(placement),
            open_services(plan, dsn, placement, logs, workloads_dir=workloads_dir) as services,
            serve(services, cores=placement.server, logs=logs) as server,
            Child(
                "Locust",
                _command(server.url, chosen),
                cores=placement.load,
                log=logs / "locust.log",
                environment=services.environment,
            ) as locust,
        ):
            address = f"http://{HOST}:{chosen}"
            _await(locust, address)
            console.print(f"Locust's web UI: {address}  (pick a user class for each variant to load)")
            console.print(f"Measured server: {server.url}/docs")
            console.print("Ctrl-C stops everything.")
            try:
                while True:
                    time.sleep(LOOK_S)
                    locust.check()
                    server.child.check()
                    services.check()
            except KeyboardInterrupt:
                console.print("stopping …")


def _port(wanted: int | None) -> int:
    try:
        return free_port(wanted or DEFAULT_PORT)
    except OSError as error:
        if wanted is None:
            return free_port()
        raise BadInputError(
            f"Port {wanted} cannot be listened on ({error.strerror}): give another --port, or none."
        ) from None


def _command(url: str, port: int) -> list[str]:
    return [
        *(sys.executable, "-m", "locust", "-f", "scenarios/locustfile.py"),
        *("--host", url, "--web-host", HOST, "--web-port", str(port), "--class-picker"),
    ]


def _await(locust: Child, address: str) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline:
        locust.check()
        with contextlib.suppress(OSError):
            fetch(address, timeout_s=1)
            return
        time.sleep(0.05)
    raise BenchError(f"Locust's web UI did not answer within {START_LIMIT_S:g} s.")
