"""The load engine beside wrk, on the same pinned server: `make bench-load`. Prints ratios; asserts nothing.

wrk comes from the system's packages (Debian: `apt-get install wrk`); the project does not need it to run.
"""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from bench_app.workload import discover
from harness.load import Load, open_load
from harness.machine import Placement, place, usable_cores
from harness.plan import make_plan
from harness.serve import HOST, Server, serve
from harness.services import open_services
from scenarios.protocol import ClosedLoop, RequestSpec, TrialOrder

ENDPOINTS: Final = ("root/async", "root/sync", "sleep/async", "sleep/sync", "database/async", "database/sync")
PAIRS: Final = 5
USERS: Final = 64
WINDOW_S: Final = 3


def by_engine(load: Load, server: Server, endpoint: str) -> tuple[float, float]:
    """Requests a second, and the client's CPU time a request in µs."""
    order = TrialOrder(
        name=endpoint,
        host=HOST,
        port=server.port,
        requests=(RequestSpec(f"/{endpoint}"),),
        load=ClosedLoop(USERS),
        warmup_s=0.5,
        window_s=WINDOW_S,
        drain_s=10,
        timeout_s=30,
    )
    result = load.run(order, server.child.check)
    return result.completed / WINDOW_S, result.cpu_s["load"] / max(result.completed, 1) * 1e6


def by_wrk(placement: Placement, server: Server, endpoint: str) -> float:
    """Requests a second, by wrk on the load's core."""
    pinned = ["taskset", "-c", str(placement.load[0])] if placement.load else []
    command = [*pinned, "wrk", "-t1", f"-c{USERS}", f"-d{WINDOW_S}", "--timeout", "10s", f"{server.url}/{endpoint}"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = re.search(r"Requests/sec:\s+([\d.]+)", said)
    assert found is not None, said
    return float(found[1])


def main() -> None:
    """Interleave the two over each endpoint and print medians."""
    if shutil.which("wrk") is None:
        sys.exit("wrk is not installed: on Debian, `apt-get install wrk`.")
    placement, logs = place(usable_cores()), Path(tempfile.mkdtemp(prefix="bench-load-"))
    os.sched_setaffinity(0, placement.load)
    table = Table(box=None)
    table.add_column("endpoint", no_wrap=True)
    for heading in ("engine req/s", "wrk req/s", "median ratio", "lowest", "highest", "client µs/req"):
        table.add_column(heading, justify="right")
    with (
        open_services(make_plan(discover()), None, placement, logs) as services,
        serve(services, cores=placement.server, logs=logs) as server,
        open_load(cores=placement.load, logs=logs) as load,
    ):
        for endpoint in ENDPOINTS:
            engine: list[tuple[float, float]] = []
            wrk: list[float] = []
            for pair in range(PAIRS):
                if pair % 2:
                    wrk.append(by_wrk(placement, server, endpoint))
                engine.append(by_engine(load, server, endpoint))
                if not pair % 2:
                    wrk.append(by_wrk(placement, server, endpoint))
            ratios = [rate / other for (rate, _), other in zip(engine, wrk, strict=True)]
            table.add_row(
                endpoint,
                f"{statistics.median(rate for rate, _ in engine):,.0f}",
                f"{statistics.median(wrk):,.0f}",
                *(f"{value:.3f}" for value in (statistics.median(ratios), min(ratios), max(ratios))),
                f"{statistics.median(cpu for _, cpu in engine):.1f}",
            )
    Console().print(table)
    shutil.rmtree(logs)


if __name__ == "__main__":
    main()
