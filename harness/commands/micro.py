"""`bench.py micro`: time in-process calls with pytest-benchmark, with the real services."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rich.console import Console

from bench_app.discovery import discover
from harness.machine.placement import find_place, taking_place
from harness.measure.child import PROJECT, launched
from harness.measure.services import open_services
from harness.plan.options import RunOptions
from harness.plan.planning import make_plan
from harness.record.run_directory import beside_the_runs

BENCHMARKS: Final = PROJECT / "harness" / "measure" / "micro_benchmarks.py"


def micro(workloads: Sequence[str], *, dsn: str | None, out: Path) -> int:
    """Time every variant of the named workloads, or of all, and return pytest's exit code.

    The table goes to standard output, the JSON to `out`, beside the runs.
    """
    plan = make_plan(discover(), RunOptions(workloads=tuple(workloads)))
    placement = find_place()
    console = Console(highlight=False)
    result = beside_the_runs(out, f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-micro.json")
    with tempfile.TemporaryDirectory(prefix="bench-micro-") as folder, _without_empty(result), taking_place(placement):
        with open_services(plan, dsn, placement, Path(folder)) as services:
            chosen = " or ".join(f"[{workload.name}-" for workload in plan.workloads)
            command = [
                *(sys.executable, "-m", "pytest", str(BENCHMARKS), "-q", "-k", chosen),
                *(
                    "-o",
                    "addopts=",
                    "-o",
                    "filterwarnings=ignore::pytest.PytestConfigWarning",
                    "-p",
                    "no:locust",
                    "-p",
                    "no:asyncio",
                    "-p",
                    "no:cacheprovider",
                    "-p",
                    "no:xdist",
                ),
                *("--benchmark-only", f"--benchmark-json={result}", "--benchmark-group-by=group"),
                *("--benchmark-columns=min,median,iqr,ops,rounds", "--benchmark-sort=fullname"),
            ]
            status = subprocess.run(
                launched(command, cores=placement.server), env=services.environment, cwd=PROJECT, check=False
            ).returncode
    if status == 0:
        console.print("\nEach figure is the time of one call in the same process, with no other call at the same time.")
        console.print(f"JSON: {result}", soft_wrap=True)
    return status


@contextlib.contextmanager
def _without_empty(result: Path) -> Iterator[None]:
    """Remove the result file if nothing was written to it."""
    try:
        yield
    finally:
        if result.exists() and not result.stat().st_size:
            result.unlink()
