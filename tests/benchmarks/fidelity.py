"""Are the percentiles true? The engine against servers with a known answer, in an open loop that they can carry."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist, median
from typing import Final

from rich.table import Table

from harness.machine.placement import Placement
from harness.measure.child import Child
from harness.measure.load import Load
from scenarios.wire.protocol import ClosedLoop, OpenLoop, RequestSpec, TrialOrder, TrialResult

RATE_RPS: Final = 500.0
CONNECTIONS: Final = 1_000
MEDIAN_MS: Final = 20.0
SIGMA: Final = 0.5
STALL_S: Final = 1.0
EVERY_S: Final = 10.0
ROUNDS: Final = 3
PERCENTS: Final = (50.0, 99.0, 99.9)


@dataclass(frozen=True, slots=True)
class Case:
    """A server, its true percentiles in ms, and how far off a measured one may be: a share, or so many ms."""

    name: str
    options: tuple[str, ...]
    truth_ms: Callable[[float], float]
    share: float
    floor_ms: float
    window_s: float


def fixed_ms(percent: float) -> float:
    """Every answer takes the same time."""
    return MEDIAN_MS


def log_normal_ms(percent: float) -> float:
    """The median times exp(sigma z), z the normal quantile."""
    return float(MEDIAN_MS * 2.718281828459045 ** (SIGMA * NormalDist().inv_cdf(percent / 100)))


def stalled_ms(percent: float) -> float:
    """A fixed latency S, and once every T seconds a stall of D in which nothing is read or answered.

    What is due in a stall at D - d before its end takes d + S; what is due up to S before it is answered at its end,
    and takes D to D + S. So of each cycle T, (D + 2S - x) is slower than x for S < x < D, and 2(D + S - x) for D < x <
    D + S.
    """
    s, slower = MEDIAN_MS / 1000, (1 - percent / 100) * EVERY_S
    if slower >= STALL_S + s:
        return MEDIAN_MS
    below = STALL_S + 2 * s - slower
    return 1000 * (below if below <= STALL_S else STALL_S + s - slower / 2)


CASES: Final = (
    Case("fixed 20 ms", (), fixed_ms, 0.02, 0.3, 10.0),
    Case("log-normal", ("--sigma", str(SIGMA)), log_normal_ms, 0.02, 0.3, 10.0),
    Case("1 s stall every 10 s", ("--stall-s", str(STALL_S), "--every-s", str(EVERY_S)), stalled_ms, 0.05, 0.3, 20.0),
)


def fidelity(load: Load, placement: Placement, logs: Path) -> Table:
    """Each case several times; the median of each percentile beside the truth, and what a closed loop would say."""
    table = Table(box=None, title=f"Known answers, {RATE_RPS:g} req/s, open loop", title_justify="left")
    table.add_column("server", no_wrap=True)
    for heading in ("percentile", "true ms", "measured ms", "off by", "allowed", "closed loop says"):
        table.add_column(heading, justify="right")
    for case in CASES:
        command = [sys.executable, "-m", "tests.benchmarks.known", "--median-ms", str(MEDIAN_MS), *case.options]
        with Child("known", command, cores=placement.server, log=logs / "known.log", piped=True) as child:
            port = int(child.output.readline())
            opened = [_trial(load, port, OpenLoop(CONNECTIONS, RATE_RPS), case) for _ in range(ROUNDS)]
            closed = _trial(load, port, ClosedLoop(round(RATE_RPS * MEDIAN_MS / 1000)), case)
        for percent in PERCENTS:
            true_ms, measured_ms = case.truth_ms(percent), median(_percentile_ms(result, percent) for result in opened)
            off_ms = measured_ms - true_ms
            allowed_ms = max(case.share * true_ms, case.floor_ms)
            table.add_row(
                case.name if percent == PERCENTS[0] else "",
                f"p{percent:g}",
                f"{true_ms:.2f}",
                f"{measured_ms:.2f}",
                f"{off_ms:+.2f} ms, {off_ms / true_ms:+.1%}",
                f"{allowed_ms:.2f} ms {'met' if abs(off_ms) <= allowed_ms else 'MISSED'}",
                f"{_percentile_ms(closed, percent):.2f}",
            )
    return table


def _percentile_ms(result: TrialResult, percent: float) -> float:
    return (result.latency.percentile_us(percent) or 0.0) / 1000


def _trial(load: Load, port: int, how: OpenLoop | ClosedLoop, case: Case) -> TrialResult:
    order = TrialOrder("known", "127.0.0.1", port, (RequestSpec("/"),), how, 1.0, case.window_s, 5.0, 30.0)
    return load.run(order, lambda: None)
