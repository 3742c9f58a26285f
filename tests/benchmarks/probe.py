"""What the probe costs: one variant on a server that tells and on one that does not, side by side. Asserts nothing.

python -m tests.benchmarks.probe
"""

from __future__ import annotations

import contextlib
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from bench_app.discovery import discover
from bench_probe.telemetry import Mode
from harness.machine.placement import place, usable_cores
from harness.measure.load import Load, open_load
from harness.measure.server import Server, serve
from harness.measure.services import open_services
from harness.plan.address import HOST
from harness.plan.planning import make_plan
from scenarios.wire.protocol import ClosedLoop, RequestSpec, TrialOrder

VARIANTS: Final = ("root/async", "root/sync", "sleep/async")
ROUNDS: Final = 10
USERS: Final = 64
WINDOW_S: Final = 2.0
MODES: Final[tuple[Mode | None, ...]] = (None, "measure", "diagnose")


def throughput_rps(load: Load, server: Server, variant: str) -> float:
    """Requests a second of one trial."""
    result = load.run(
        TrialOrder(
            name=variant,
            host=HOST,
            port=server.port,
            requests=(RequestSpec(f"/{variant}"),),
            load=ClosedLoop(USERS),
            warmup_s=0.4,
            window_s=WINDOW_S,
            drain_s=5.0,
            timeout_s=10.0,
        ),
        lambda: None,
    )
    return result.completed / result.window_s


def main() -> None:
    """Run every variant on all three servers in turns, and print the ratios against the silent one."""
    placement, console = place(usable_cores()), Console(highlight=False)
    table = Table(title=f"requests a second, {USERS} users, median of {ROUNDS} interleaved rounds of {WINDOW_S:g} s")
    for heading in ("variant", "silent", "measure / silent", "diagnose / silent"):
        table.add_column(heading, justify="right")
    with contextlib.ExitStack() as stack:
        logs = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        services = stack.enter_context(open_services(make_plan(discover()), None, placement, logs))
        load = stack.enter_context(open_load(cores=placement.load, logs=logs))
        servers = [
            stack.enter_context(serve(services, cores=placement.server, logs=logs, probe=mode)) for mode in MODES
        ]
        for variant in VARIANTS:
            rounds: list[Sequence[float]] = []
            for number in range(ROUNDS):
                order = list(range(len(MODES)))
                if number % 2:
                    order.reverse()
                found = {index: throughput_rps(load, servers[index], variant) for index in order}
                rounds.append([found[index] for index in range(len(MODES))])
            ratios = [[each[index] / each[0] for each in rounds] for index in (1, 2)]
            spelled = [f"{statistics.median(each):.3f} ({min(each):.2f} to {max(each):.2f})" for each in ratios]
            table.add_row(variant, f"{statistics.median(each[0] for each in rounds):,.0f}", *spelled)
    console.print(table)


if __name__ == "__main__":
    main()
