"""The figures of one trial, and the ratios of trials in one block, which stopping rule and judge both read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from harness.plan.metric import PERCENTILES, Metric, mass_needed
from harness.record.run import RecordedTrial
from harness.stats.figures import milliseconds
from scenarios.wire.protocol import TrialResult

SHORTEST_FOR_HALVES_S: Final = 2.0
COUNTING_NOISE: Final = 3.0
"""Two counts differ by chance: only what lies beyond three standard deviations of a Poisson process is a difference."""


@dataclass(frozen=True, slots=True)
class TrialFigures:
    """One trial in a line. A percentile is None where too few requests carry it.

    `halves` is by how much, as a share, the second half of the window brought more or less than the first, beyond what
    chance does; None for a window of less than two seconds.
    """

    number: int
    block: int
    window_s: float
    throughput_rps: float
    latency_ms: Mapping[Metric, float | None]
    halves: float | None

    def value(self, metric: Metric) -> float | None:
        """Return the figure by the name of its metric."""
        return self.throughput_rps if metric == "throughput_rps" else self.latency_ms[metric]


def figures_of(recorded: RecordedTrial) -> TrialFigures:
    """Return the figures of one trial."""
    trial, result = recorded.trial, recorded.result

    def carried(percent: float) -> float | None:
        latency = result.latency
        return milliseconds(latency.percentile_us(percent)) if latency.n >= mass_needed(percent) else None

    return TrialFigures(
        number=trial.number,
        block=trial.block,
        window_s=result.window_s,
        throughput_rps=result.throughput_rps,
        latency_ms={metric: carried(percent) for metric, percent in PERCENTILES.items()},
        halves=halves_differ(result),
    )


def halves_differ(result: TrialResult) -> float | None:
    """Return by how much, as a share, the second half of the window brought more or less than the first.

    0 where no more than chance: what lies within three standard deviations of a Poisson process. None for a window that
    is too short to tell.
    """
    if result.window_s < SHORTEST_FOR_HALVES_S:
        return None
    whole = min(int(result.window_s / result.slice_s), len(result.slices)) // 2
    if not whole:
        return None
    counts = [each.completed for each in result.slices[: 2 * whole]]
    first, second = sum(counts[:whole]), sum(counts[whole:])
    if not first or not second or abs(second - first) <= COUNTING_NOISE * (first + second) ** 0.5:
        return 0.0
    return second / first - 1


def block_ratios(
    contender: Sequence[TrialFigures], baseline: Sequence[TrialFigures], metric: Metric
) -> tuple[float, ...]:
    """Return contender/baseline by this metric for each block that holds both, in the order of the contender's trials.

    Empty where a baseline is 0: then no ratio can be formed.
    """
    by_block = {trial.block: trial.value(metric) for trial in baseline}
    paired = [(trial.value(metric), by_block.get(trial.block)) for trial in contender]
    known = [(ours, theirs) for ours, theirs in paired if ours is not None and theirs is not None]
    return tuple(ours / theirs for ours, theirs in known) if all(theirs for _, theirs in known) else ()
