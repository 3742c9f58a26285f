"""`bench.py calibrate`: measure the load generator against the null server, which does no work."""

from __future__ import annotations

import statistics
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rich.console import Console

from harness.exceptions import BenchError, in_range
from harness.machine.core import FULL_CORE
from harness.machine.facts import facts
from harness.machine.placement import find_place, taking_place
from harness.measure.child import Child
from harness.measure.load import Load, open_load
from harness.plan.address import HOST
from harness.plan.options import MAX_SECONDS, MIN_SECONDS
from harness.record.calibration import CALIBRATIONS, FILE, Calibration, Percentiles
from harness.record.run_directory import beside_the_runs
from scenarios.wire.histogram import Distribution, merge
from scenarios.wire.protocol import ClosedLoop, RequestSpec, TrialOrder, TrialResult

USERS: Final = 64
TRIALS: Final = 5


def calibrate(*, out: Path, as_json: bool, seconds: float) -> None:
    """Measure the load generator, save the result beside the runs, and print a few lines, or only the JSON.

    Raises:
        BadInputError: `out` cannot be written to, or `seconds` is out of range.
    """
    in_range("--seconds", seconds, MIN_SECONDS, MAX_SECONDS)
    path = beside_the_runs(out, FILE)
    calibration = measure(seconds)
    saved = CALIBRATIONS.dump_json(calibration, indent=1)
    path.write_bytes(saved)
    if as_json:
        sys.stdout.write(saved.decode() + "\n")
        return
    console = Console(highlight=False)
    more = " or more (the server was the limit)" if calibration.server_was_the_limit else ""
    console.print(f"client ceiling   {calibration.client_ceiling_rps:,.0f} req/s on one core{more}")
    console.print(f"client CPU       {calibration.client_cpu_us_per_request:.1f} µs a request")
    console.print(f"least latency    p50 {calibration.floor_ms.p50:.3f} ms, p99 {calibration.floor_ms.p99:.3f} ms")
    console.print(f"client lag       p50 {calibration.lag_ms.p50:.3f} ms, p99 {calibration.lag_ms.p99:.3f} ms")
    console.print(f"saved as {path}; `run` uses it while machine and client stay the same", style="dim", soft_wrap=True)


def measure(window_s: float) -> Calibration:
    """Calibrate this machine: medians over a few trials with windows of `window_s` seconds."""
    placement = find_place()
    with taking_place(placement), tempfile.TemporaryDirectory(prefix="bench-calibrate-") as folder:
        logs = Path(folder)
        with (
            Child(
                "null server",
                [sys.executable, "-m", "bench_app.null_server"],
                cores=placement.server,
                log=logs / "null-server.log",
                piped=True,
            ) as server,
            open_load(cores=placement.load, logs=logs) as load,
        ):
            line = server.output.readline().strip()
            if not line:
                raise BenchError("The null server did not start.")
            port = int(line)
            many = [_trial(load, server, port, USERS, window_s) for _ in range(TRIALS)]
            alone = [_trial(load, server, port, 1, window_s) for _ in range(TRIALS)]
    client_cpu = statistics.median(result.load_cpu for result in many)
    return Calibration(
        client_ceiling_rps=round(statistics.median(result.throughput_rps for result in many), 1),
        client_cpu_us_per_request=round(
            statistics.median(result.cpu_s["load"] / max(result.completed, 1) * 1e6 for result in many), 3
        ),
        server_was_the_limit=client_cpu < FULL_CORE,
        floor_ms=_percentiles(merge(result.latency for result in alone)),
        lag_ms=_percentiles(merge(result.lag for result in many)),
        users=USERS,
        trials=TRIALS,
        measured=datetime.now(UTC),
        machine=facts(placement),
    )


def _trial(load: Load, server: Child, port: int, users: int, window_s: float) -> TrialResult:
    order = TrialOrder(
        name="null",
        host=HOST,
        port=port,
        requests=(RequestSpec("/"),),
        load=ClosedLoop(users),
        warmup_s=0.3,
        window_s=window_s,
        drain_s=2.0,
        timeout_s=5.0,
    )
    return load.run(order, server.check)


def _percentiles(distribution: Distribution) -> Percentiles:
    def milliseconds(percent: float) -> float:
        return round((distribution.percentile_us(percent) or 0.0) / 1000, 4)

    return Percentiles(milliseconds(50), milliseconds(99))
