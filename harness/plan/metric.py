"""What two variants are compared by: one metric that was declared beforehand, and further ones that only inform."""

from __future__ import annotations

from typing import Final, Literal

from harness.plan.level import Level

Metric = Literal["throughput_rps", "p50_ms", "p95_ms", "p99_ms"]
PERCENTILES: Final[dict[Metric, int]] = {"p50_ms": 50, "p95_ms": 95, "p99_ms": 99}

ENOUGH_BEYOND: Final = 10
"""So many requests must lie beyond a percentile; on fewer it rests on single ones."""
P999_MASS: Final = 20_000


def primary(level: Level) -> Metric:
    """The one that the verdict is about: throughput in a closed loop, p99 in an open one, where all get the same."""
    return "throughput_rps" if level.rate_rps is None else "p99_ms"


def secondary(level: Level) -> tuple[Metric, ...]:
    """The others. The mean latency is not among them: without a think time it says what throughput says."""
    return tuple(metric for metric in PERCENTILES if metric != primary(level))


def less_is_better(metric: Metric) -> bool:
    """Whether a ratio below 1 is the good one."""
    return metric != "throughput_rps"


def mass_needed(percent: float) -> int:
    """How many requests a percentile rests on at least: ten beyond it, and for p99.9 and higher twice as many."""
    if percent >= 100:
        raise ValueError("the slowest request is no percentile")
    return max(round(ENOUGH_BEYOND / (1 - percent / 100)), P999_MASS if percent >= 99.9 else 0)
