"""The metrics that compare two variants: one, declared beforehand, decides the verdict; the others only inform."""

from __future__ import annotations

from typing import Final

from harness.plan.level import Level

Metric = str
"""`throughput_rps`, or the name of a latency percentile such as `p99_ms`."""

PERCENTS: Final[tuple[float, ...]] = (50, 95, 99)
"""Every latency percentile that is compared and shown. To add one is to add it here."""
TAIL_PERCENT: Final = 99.9
"""A percentile that an open loop also shows, and that is never compared: it rests on few requests."""
PERCENTILES: Final[dict[Metric, float]] = {f"p{percent:g}_ms": percent for percent in PERCENTS}

ENOUGH_BEYOND: Final = 10
"""At least this many requests must lie beyond a percentile; with fewer, it rests on single requests."""
P999_MASS: Final = 20_000


def primary(level: Level) -> Metric:
    """Return the metric that decides the verdict: throughput in a closed loop, p99 in an open loop.

    An open loop offers the same rate to all variants, so their throughputs do not differ unless one is saturated.
    """
    return "throughput_rps" if level.rate_rps is None else "p99_ms"


def secondary(level: Level) -> tuple[Metric, ...]:
    """Return the metrics that only inform.

    The mean latency is not among them: in a closed loop without think time it follows from the throughput.
    """
    return tuple(metric for metric in PERCENTILES if metric != primary(level))


def less_is_better(metric: Metric) -> bool:
    """Return whether a smaller value is better, so that a ratio below 1 favours the contender."""
    return metric != "throughput_rps"


def mass_needed(percent: float) -> int:
    """Return how many requests a percentile (0 to below 100) needs at least.

    n = `ENOUGH_BEYOND` / (1 − percent/100), and from p99.9 on no fewer than `P999_MASS`.

    Raises:
        ValueError: `percent` is 100 or more.
    """
    if percent >= 100:
        raise ValueError("percent must be below 100: the slowest request is not a percentile")
    return max(round(ENOUGH_BEYOND / (1 - percent / 100)), P999_MASS if percent >= 99.9 else 0)
