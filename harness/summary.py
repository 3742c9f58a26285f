"""The figures of a run: one cell for each variant at a level, one comparison for each pair. No judgement yet."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final, Literal

from harness.bounds import Bound, bound
from harness.level import Level
from harness.plan import Pair, PlannedVariant, PlannedWorkload
from harness.record import Manifest, RecordedTrial, Run
from harness.stats import Estimate, geometric_mean, ratio, widened
from scenarios.histogram import Distribution, merge
from scenarios.protocol import STAGGER, TrialResult

LITTLE_TOLERANCE: Final = 0.10
ERROR_LIMIT: Final = 0.01
Metric = Literal["throughput_rps", "p99_ms"]


@dataclass(frozen=True, slots=True)
class TrialFigures:
    """One trial in a line. `p99_ms` and `bystander_p99_ms` are None where nothing was answered."""

    number: int
    block: int
    window_s: float
    throughput_rps: float
    p99_ms: float | None
    bystander_p99_ms: float | None


@dataclass(frozen=True, slots=True)
class Cell:
    """All trials of one variant at one level.

    `requests` were sent within the windows, errors included. Distributions pool all trials. Shares of CPU are of
    one core, the largest over the trials for the client's side and the mean for the server; None where not watched.
    `client_lag` is how late the load process woke. `connected` is the fewest users that ever were in a trial,
    `resolution` the share by which a window's count may be off, `foreign_cpu` the share of the server's core that
    others used. `dropped` were due in an open loop and never sent. `explained_users` is X·(R+Z), what Little's law
    makes of the throughput and latency seen and of the think time: it should be the number of users. `left_out`
    trials lost a load process on the way and are not among `trials`; where there are no others they are, and the
    cell is `incomplete`. In `short_handed` of the trials fewer load processes worked than planned.
    """

    workload: PlannedWorkload
    variant: PlannedVariant
    level: Level
    trials: tuple[TrialFigures, ...]
    requests: int
    failures: dict[str, int]
    dropped: int
    connected: int
    resolution: float
    throughput_rps: Estimate | None
    latency: Distribution
    bystander: Distribution
    bystander_failures: int
    bound: Bound | None
    server_cpu: float | None
    client_cpu: float
    load_core_busy: float | None
    foreign_cpu: float | None
    client_lag: Distribution
    explained_users: float | None
    left_out: int = 0
    incomplete: bool = False
    short_handed: int = 0

    @property
    def errors(self) -> int:
        return sum(self.failures.values())

    @property
    def error_rate(self) -> float:
        return self.errors / self.requests if self.requests else 1.0

    @property
    def latency_is_floor(self) -> bool:
        """Whether the latencies seen account for too few users, so that the others waited longer than is shown.

        It happens in a closed loop where a request waits longer than the window: one sent before it and answered after
        it is in no count; and in an open loop whose rate the server cannot carry, where the longer it lasts the longer
        they get.
        """
        rate_rps = self.level.rate_rps
        if rate_rps is not None:
            served = self.throughput_rps.value if self.throughput_rps else 0.0
            return bool(self.dropped) or served < (1 - LITTLE_TOLERANCE) * rate_rps
        # Users whose requests fail are accounted for by their failures, which have a caveat of their own.
        if self.error_rate > ERROR_LIMIT or self.explained_users is None:
            return False
        return self.explained_users < (1 - LITTLE_TOLERANCE) * self.level.users

    @property
    def bound_share(self) -> float | None:
        """How much of the bound was reached, 0 to 1."""
        if self.bound is None or self.throughput_rps is None:
            return None
        return self.throughput_rps.value / self.bound.rps


@dataclass(frozen=True, slots=True)
class Comparison:
    """A pair at a level: contender/baseline over the blocks that hold both.

    The metric is throughput in a closed loop, and the p99 of latency in an open one, where all are offered the same.
    """

    pair: Pair
    level: Level
    metric: Metric
    ratio: Estimate | None
    blocks: int
    baseline: Cell
    contender: Cell


@dataclass(frozen=True, slots=True)
class Summary:
    """Every cell and comparison of a run, in the order of the workload files."""

    run: Run
    cells: tuple[Cell, ...]
    comparisons: tuple[Comparison, ...]


def milliseconds(microseconds: float | None) -> float | None:
    """Microseconds as milliseconds; None stays None."""
    return None if microseconds is None else microseconds / 1000


def summarise(run: Run) -> Summary:
    """Compute all figures of a run from its trials on disk. A cell or pair without a trial is left out."""
    plan = run.manifest.plan
    trials: dict[tuple[str, str, Level], list[RecordedTrial]] = {}
    for recorded in run.trials:
        trial = recorded.trial
        trials.setdefault((trial.workload, trial.variant, trial.level), []).append(recorded)
    cells = {
        (workload.name, variant.name, level): _cell(workload, variant, level, found, run.manifest)
        for workload in plan.workloads
        for level in plan.levels_of(workload)
        for variant in workload.variants
        if (found := trials.get((workload.name, variant.name, level)))
    }
    comparisons = [
        _comparison(pair, level, cells[baseline], cells[contender])
        for pair, level in [
            *((pair, level) for pair in plan.pairs for level in plan.levels),
            *((iso.pair, iso.level) for iso in plan.iso),
        ]
        if (baseline := (pair.workload, pair.baseline, level)) in cells
        and (contender := (pair.workload, pair.contender, level)) in cells
    ]
    return Summary(run, tuple(cells.values()), tuple(comparisons))


def _cell(
    workload: PlannedWorkload,
    variant: PlannedVariant,
    level: Level,
    recorded: Sequence[RecordedTrial],
    manifest: Manifest,
) -> Cell:
    # What a lost load process had counted is lost; only where nothing else is left such a trial is shown.
    whole = [trial for trial in recorded if not trial.result.lost]
    left_out = len(recorded) - len(whole)
    recorded = whole or recorded
    results = [trial.result for trial in recorded]
    figures = tuple(_figures(trial) for trial in recorded)
    latency = merge(result.latency for result in results)
    throughput = geometric_mean([trial.throughput_rps for trial in figures])
    failures: Counter[str] = Counter()
    for result in results:
        failures.update(result.failures)
    server = [result.cpu_s["server"] / result.window_s for result in results if "server" in result.cpu_s]
    mean_us, warmup_s, placement = latency.mean_us, manifest.plan.warmup_s, manifest.placement
    busy = [share for result in results if (share := _busy(result, placement.load)) is not None]
    foreign = [
        share - result.cpu_s["server"] / result.window_s / len(placement.server)
        for result in results
        if (share := _busy(result, placement.server)) is not None and "server" in result.cpu_s
    ]
    return Cell(
        workload=workload,
        variant=variant,
        level=level,
        trials=figures,
        requests=latency.n + sum(failures.values()),
        failures=dict(failures),
        dropped=sum(result.dropped for result in results),
        connected=min(result.connected for result in results),
        resolution=_resolution(variant, level, figures, mean_us, warmup_s),
        throughput_rps=throughput,
        latency=latency,
        bystander=merge(result.bystander for result in results),
        bystander_failures=sum(sum(result.bystander_failures.values()) for result in results),
        bound=bound(workload, variant, level),
        server_cpu=fmean(server) if server else None,
        client_cpu=max(result.cpu_s["load"] / result.window_s for result in results),
        load_core_busy=max(busy) if busy else None,
        foreign_cpu=max(foreign) if foreign and not placement.shared else None,
        client_lag=merge(result.lag for result in results),
        explained_users=None
        if level.rate_rps is not None
        else throughput.value * (mean_us / 1e6 + level.think_s)
        if throughput and mean_us is not None
        else None,
        left_out=left_out,
        incomplete=not whole,
        short_handed=sum(result.load_processes < manifest.plan.load_processes for result in results),
    )


def _busy(result: TrialResult, cores: Sequence[int]) -> float | None:
    """The mean busy share of these cores in the window, None where they were not read."""
    if not cores or max(cores) >= len(result.core_busy):
        return None
    return fmean(result.core_busy[core] for core in cores)


def _resolution(
    variant: PlannedVariant, level: Level, trials: Sequence[TrialFigures], mean_us: float | None, warmup_s: float
) -> float:
    """By how much, as a share, a window's count may be off because users move in step.

    The users begin evenly spread over a part of the warm-up. Answers faster than that leave them spread; slower ones
    leave them bunched, and in the extreme a window counts whole waves of all users. A blocking handler answers one at
    a time, so that its answers cannot come in waves.
    """
    completed = fmean(trial.throughput_rps * trial.window_s for trial in trials)
    if level.rate_rps is not None or not completed or mean_us is None:
        return 0.0
    if variant.kind == "blocking":
        return 1 / completed
    bunched = max(0.0, 1 - STAGGER * warmup_s / (mean_us / 1e6 + level.think_s))
    return bunched * level.users / completed


def _figures(recorded: RecordedTrial) -> TrialFigures:
    trial, result = recorded.trial, recorded.result
    return TrialFigures(
        number=trial.number,
        block=trial.block,
        window_s=result.window_s,
        throughput_rps=result.completed / result.window_s,
        p99_ms=milliseconds(result.latency.percentile_us(99)),
        bystander_p99_ms=milliseconds(result.bystander.percentile_us(99)),
    )


def _comparison(pair: Pair, level: Level, baseline: Cell, contender: Cell) -> Comparison:
    metric: Metric = "throughput_rps" if level.rate_rps is None else "p99_ms"
    by_block = {trial.block: getattr(trial, metric) for trial in baseline.trials}
    paired = [
        (getattr(trial, metric), by_block[trial.block])
        for trial in contender.trials
        if trial.block in by_block and None not in (getattr(trial, metric), by_block[trial.block])
    ]
    estimate = ratio([a for a, _ in paired], [b for _, b in paired])
    if estimate is not None and not math.isfinite(estimate.value):
        estimate = None
    if estimate is not None and metric == "throughput_rps":
        estimate = widened(estimate, baseline.resolution + contender.resolution)
    return Comparison(pair, level, metric, estimate, len(paired), baseline, contender)
