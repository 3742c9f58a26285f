"""The figures of a run: its cells, and the ratio of each pair of them. No judgement yet."""

from __future__ import annotations

from dataclasses import dataclass
from math import log

from harness.judge.cells import Cell, cell_of
from harness.plan.level import Level
from harness.plan.metric import Metric, primary, secondary
from harness.plan.plan import Pair
from harness.record.disturbance import (
    DisturbedBlock,
    Unrest,
    disturbed_blocks,
    rejected_keys,
    unrest_of,
    usual_core_speed,
)
from harness.record.run import RecordedTrial, Run
from harness.record.trial_figures import block_ratios
from harness.stats.estimate import CONFIDENCE, Estimate, geometric_mean, widened
from harness.stats.shape import autocorrelation, farthest


@dataclass(frozen=True, slots=True)
class Outcome:
    """contender/baseline by one metric: the ratio of each block that holds both, in order, and their geometric mean.

    The ratio is None where no block has both, or where the latencies of one are lower_bounds.
    """

    metric: Metric
    ratios: tuple[float, ...]
    ratio: Estimate | None

    @property
    def autocorrelation(self) -> float | None:
        """Whether blocks follow each other: lag 1, of the logarithms; None for too few of them."""
        return autocorrelation([log(ratio) for ratio in self.ratios if ratio > 0])

    @property
    def farthest(self) -> float | None:
        """How many robust standard deviations the oddest block is from the others; None for too few of them."""
        return farthest([log(ratio) for ratio in self.ratios if ratio > 0])


@dataclass(frozen=True, slots=True)
class Comparison:
    """A pair at a level. The verdict is about `primary`, declared by the level; `secondary` only informs."""

    pair: Pair
    level: Level
    baseline: Cell
    contender: Cell
    primary: Outcome
    secondary: tuple[Outcome, ...]

    @property
    def metric(self) -> Metric:
        return self.primary.metric

    @property
    def ratio(self) -> Estimate | None:
        return self.primary.ratio

    @property
    def blocks(self) -> int:
        return len(self.primary.ratios)


@dataclass(frozen=True, slots=True)
class Summary:
    """Every cell and comparison of a run, in the order of the workload files.

    `disturbed` are the blocks in which the machine was not itself, of which the rejected ones are in no figure;
    `unrest` says how much it was disturbed in all.
    """

    run: Run
    cells: tuple[Cell, ...]
    comparisons: tuple[Comparison, ...]
    disturbed: tuple[DisturbedBlock, ...]
    unrest: tuple[Unrest, ...]


def summarise(run: Run) -> Summary:
    """Compute all figures of a run from its trials on disk. A cell or pair without a trial is left out."""
    schedule, placement = run.manifest.schedule, run.manifest.placement
    plan = schedule.plan
    disturbed = disturbed_blocks(run.trials, placement)
    rejected = rejected_keys(disturbed)
    speed_ms = usual_core_speed(run.trials)
    trials: dict[tuple[str, str, Level], list[RecordedTrial]] = {}
    for recorded in run.trials:
        trial = recorded.trial
        if (trial.workload, trial.level, trial.block) not in rejected:
            trials.setdefault((trial.workload, trial.variant, trial.level), []).append(recorded)
    cells = {
        (workload.name, variant.name, level): cell_of(workload, variant, level, found, run.manifest, speed_ms)
        for workload in plan.workloads
        for level in schedule.levels_of(workload)
        for variant in workload.variants
        if (found := trials.get((workload.name, variant.name, level)))
    }
    comparisons = [
        _comparison(pair, level, cells[baseline], cells[contender])
        for pair, level in [
            *((pair, level) for pair in plan.pairs for level in plan.levels),
            *((iso.pair, iso.level) for iso in schedule.found.iso),
        ]
        if (baseline := (pair.workload, pair.baseline, level)) in cells
        and (contender := (pair.workload, pair.contender, level)) in cells
    ]
    return Summary(run, tuple(cells.values()), tuple(comparisons), disturbed, unrest_of(run.trials, placement))


def _comparison(pair: Pair, level: Level, baseline: Cell, contender: Cell) -> Comparison:
    return Comparison(
        pair,
        level,
        baseline,
        contender,
        outcome(contender, baseline, primary(level)),
        tuple(outcome(contender, baseline, metric) for metric in secondary(level)),
    )


def outcome(contender: Cell, baseline: Cell, metric: Metric, confidence: float = CONFIDENCE) -> Outcome:
    """Return contender/baseline by this metric, the interval at this confidence, from the blocks that hold both.

    There is no ratio where a latency is a lower bound, but of the metric that the verdict is about.
    """
    ratios = block_ratios(contender.trials, baseline.trials, metric)
    bounded = contender.latency_is_lower_bound or baseline.latency_is_lower_bound
    if bounded and metric not in ("throughput_rps", primary(contender.level)):
        return Outcome(metric, ratios, None)
    estimate = geometric_mean(ratios, confidence)
    if estimate is not None and metric == "throughput_rps":
        estimate = widened(estimate, baseline.resolution + contender.resolution)
    return Outcome(metric, ratios, estimate)
