"""The figures of a run: one cell for each variant at a level, one comparison for each pair. No judgement yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple, dataclass, field
from math import log
from statistics import fmean
from typing import Any, Final

from harness.bootstrap import Curve, curve
from harness.bounds import Bound, bound
from harness.disturbance import (
    DisturbedBlock,
    Signal,
    Unrest,
    busy_share,
    disturbed_blocks,
    rejected_keys,
    signals_of,
    unrest_of,
    usual_pace,
    worst_of,
)
from harness.level import Level
from harness.metric import PERCENTILES, Metric, mass_needed, primary, secondary
from harness.plan import Pair, PlannedVariant, PlannedWorkload
from harness.record import Manifest, RecordedTrial, Run
from harness.stats import CONFIDENCE, Estimate, autocorrelation, farthest, geometric_mean, widened
from scenarios.histogram import Distribution, merge
from scenarios.protocol import STAGGER, TrialResult

LITTLE_TOLERANCE: Final = 0.10
ERROR_LIMIT: Final = 0.01
HALVES_DIFFER: Final = 0.05
SHORTEST_FOR_HALVES_S: Final = 2.0
COUNTING_NOISE: Final = 3.0
"""Two counts differ by chance: only what lies beyond three standard deviations of a Poisson process is a difference."""
PERCENTS: Final = (
    *(step * 2.5 for step in range(36)),
    *(90 + step * 0.25 for step in range(36)),
    *(99 + step * 0.025 for step in range(36)),
    99.9,
)


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
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    halves: float | None


@dataclass(frozen=True, slots=True)
class ProcessRates:
    """What a role's processes used, the mean over the trials of a cell; None for what the system does not tell.

    CPU and `run_delay` are shares of a core, `switches` and `preemptions` a second.
    """

    user: float
    system: float
    rss_mib: float | None
    threads: float | None
    run_delay: float | None
    switches: float | None
    preemptions: float | None


@dataclass(frozen=True, slots=True)
class Cell:
    """All trials of one variant at one level.

    `requests` were sent within the windows, errors included. Distributions pool all trials. Shares of CPU are of
    one core, the largest over the trials for the client's side and the mean for the server; None where not watched.
    `client_lag` is how late the load process woke. `connected` is the fewest users that ever were in a trial,
    `resolution` the share by which a window's count may be off, `disturbances` the worst of each sign of disturbance
    in a trial that counts. `dropped` were due in an open loop and never sent. `explained_users` is X·(R+Z), what
    Little's law makes of the throughput and latency seen and of the think time: it should be the number of users.
    `left_out` trials lost a load process on the way and are not among `trials`; where there are no others they are,
    and the cell is `incomplete`. In `short_handed` of the trials fewer load processes worked than planned. `curve` is
    the pooled latency at each of `PERCENTS` with a band over the blocks.
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
    curve: Curve = field(repr=False)
    bystander: Distribution
    sync_bystander: Distribution
    bystander_failures: int
    bound: Bound | None
    server_cpu: float | None
    client_cpu: float
    load_core_busy: float | None
    disturbances: tuple[Signal, ...]
    client_lag: Distribution
    explained_users: float | None
    processes: dict[str, ProcessRates] = field(default_factory=dict)
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

    def latency_us(self, percent: float) -> float | None:
        """A pooled percentile in µs; None where too few requests carry it."""
        return self.latency.percentile_us(percent) if self.latency.n >= mass_needed(percent) else None

    @property
    def unsteady(self) -> float | None:
        """The share of the trials whose halves differ; None where no window was long enough to tell."""
        known = [abs(trial.halves) > HALVES_DIFFER for trial in self.trials if trial.halves is not None]
        return fmean(known) if known else None

    @property
    def bound_share(self) -> float | None:
        """How much of the bound was reached, 0 to 1."""
        if self.bound is None or self.throughput_rps is None:
            return None
        return self.throughput_rps.value / self.bound.rps


@dataclass(frozen=True, slots=True)
class Outcome:
    """contender/baseline by one metric: the ratio of each block that holds both, in order, and their geometric mean.

    The ratio is None where no block has both, or where the latencies of one are floors.
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
    `unrest` is how restless it was in all.
    """

    run: Run
    cells: tuple[Cell, ...]
    comparisons: tuple[Comparison, ...]
    disturbed: tuple[DisturbedBlock, ...]
    unrest: tuple[Unrest, ...]


def milliseconds(microseconds: float | None) -> float | None:
    """Microseconds as milliseconds; None stays None."""
    return None if microseconds is None else microseconds / 1000


def summarise(run: Run) -> Summary:
    """Compute all figures of a run from its trials on disk. A cell or pair without a trial is left out."""
    plan, placement = run.manifest.plan, run.manifest.placement
    disturbed = disturbed_blocks(run.trials, placement)
    rejected = rejected_keys(disturbed)
    pace = usual_pace(run.trials)
    trials: dict[tuple[str, str, Level], list[RecordedTrial]] = {}
    for recorded in run.trials:
        trial = recorded.trial
        if (trial.workload, trial.level, trial.block) not in rejected:
            trials.setdefault((trial.workload, trial.variant, trial.level), []).append(recorded)
    cells = {
        (workload.name, variant.name, level): _cell(workload, variant, level, found, run.manifest, pace)
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
    return Summary(run, tuple(cells.values()), tuple(comparisons), disturbed, unrest_of(run.trials, placement))


def _cell(
    workload: PlannedWorkload,
    variant: PlannedVariant,
    level: Level,
    recorded: Sequence[RecordedTrial],
    manifest: Manifest,
    pace: float | None,
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
    mean_us, placement = latency.mean_us, manifest.placement
    warmup_s = manifest.plan.window_of(workload.name, level).warmup_s
    busy = [share for result in results if (share := busy_share(result, placement.load)) is not None]
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
        curve=curve([result.latency for result in results], [p for p in PERCENTS if latency.n >= mass_needed(p)]),
        bystander=merge(result.bystander for result in results),
        sync_bystander=merge(result.sync_bystander for result in results),
        bystander_failures=sum(sum(result.bystander_failures.values()) for result in results),
        bound=bound(workload, variant, level),
        server_cpu=fmean(server) if server else None,
        client_cpu=max(result.cpu_s["load"] / result.window_s for result in results),
        load_core_busy=max(busy) if busy else None,
        disturbances=worst_of(signal for trial in recorded for signal in signals_of(trial, placement, pace)),
        client_lag=merge(result.lag for result in results),
        explained_users=None
        if level.rate_rps is not None
        else throughput.value * (mean_us / 1e6 + level.think_s)
        if throughput and mean_us is not None
        else None,
        processes=_processes(results),
        left_out=left_out,
        incomplete=not whole,
        short_handed=sum(result.load_processes < manifest.plan.load_processes for result in results),
    )


def _processes(results: Sequence[TrialResult]) -> dict[str, ProcessRates]:
    used: dict[str, list[ProcessRates]] = {}
    for result in results:
        for role, usage in result.processes.items():
            rates = [
                None if value is None else value / result.window_s
                for value in (usage.run_delay_s, usage.switches, usage.preemptions)
            ]
            cpu = (usage.user_s / result.window_s, usage.system_s / result.window_s)
            used.setdefault(role, []).append(ProcessRates(*cpu, usage.rss_mib, usage.threads, *rates))
    return {role: _mean_rates(found) for role, found in used.items()}


def _mean_rates(found: Sequence[ProcessRates]) -> ProcessRates:
    columns = zip(*map(astuple, found), strict=True)
    means: list[Any] = [None if None in column else fmean(column) for column in columns]
    return ProcessRates(*means)


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

    def carried(percent: float) -> float | None:
        latency = result.latency
        return milliseconds(latency.percentile_us(percent)) if latency.n >= mass_needed(percent) else None

    return TrialFigures(
        number=trial.number,
        block=trial.block,
        window_s=result.window_s,
        throughput_rps=result.completed / result.window_s,
        p50_ms=carried(PERCENTILES["p50_ms"]),
        p95_ms=carried(PERCENTILES["p95_ms"]),
        p99_ms=carried(PERCENTILES["p99_ms"]),
        halves=_halves(result),
    )


def _halves(result: TrialResult) -> float | None:
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
    """contender/baseline by this metric, the interval at this confidence: for cells of the same workload and level."""
    by_block = {trial.block: getattr(trial, metric) for trial in baseline.trials}
    paired = [(getattr(trial, metric), by_block.get(trial.block)) for trial in contender.trials]
    known = [(ours, theirs) for ours, theirs in paired if ours is not None and theirs is not None]
    if not all(theirs for _, theirs in known):
        return Outcome(metric, (), None)
    ratios = tuple(ours / theirs for ours, theirs in known)
    floors = contender.latency_is_floor or baseline.latency_is_floor
    if floors and metric not in ("throughput_rps", primary(contender.level)):
        return Outcome(metric, ratios, None)
    estimate = geometric_mean(ratios, confidence)
    if estimate is not None and metric == "throughput_rps":
        estimate = widened(estimate, baseline.resolution + contender.resolution)
    return Outcome(metric, ratios, estimate)
