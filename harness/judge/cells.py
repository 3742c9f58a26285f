"""The figures of a run: one cell for each variant at a level, one comparison for each pair. No judgement yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field
from statistics import fmean
from typing import Any, Final

from harness.causes.bounds import Bound, bound
from harness.plan.level import Level
from harness.plan.metric import mass_needed
from harness.plan.plan import PlannedVariant, PlannedWorkload
from harness.record.disturbance import (
    Signal,
    busy_share,
    signals_of,
    worst_of,
)
from harness.record.run import Manifest, RecordedTrial
from harness.record.trial_figures import TrialFigures, figures_of
from harness.stats.bootstrap import Curve, curve
from harness.stats.estimate import Estimate, geometric_mean
from scenarios.wire.histogram import Distribution, merge
from scenarios.wire.protocol import STAGGER, TrialResult
from scenarios.wire.victim import Victim, VictimName, merged_victims

LITTLE_TOLERANCE: Final = 0.10
HALVES_DIFFER: Final = 0.05
ERROR_LIMIT: Final = 0.01
CURVE_PERCENTS: Final = (
    *(step * 2.5 for step in range(36)),
    *(90 + step * 0.25 for step in range(36)),
    *(99 + step * 0.025 for step in range(36)),
    99.9,
)


CellKey = tuple[str, str, Level]


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
    one core, the largest over the trials for the client's side and the mean for the server; None where not watched. In
    an open loop `latency` counts from when a request was due: it is `send_lag`, until it was sent, and `service` after.
    `client_lag` is how late the load process woke. `connected` is the fewest users that ever were in a trial,
    `resolution` the share by which a window's count may be off, `disturbances` the worst of each sign of disturbance
    in a trial that counts. `dropped` were due in an open loop and never sent. `explained_users` is X·(R+Z), what
    Little's law makes of the throughput and latency seen and of the think time: it should be the number of users.
    `left_out` trials lost a load process on the way and are not among `trials`; where there are no others they are,
    and the cell is `incomplete`. In `short_handed` of the trials fewer load processes worked than planned.
    `left_behind` is how many more tasks a second the server had in the worst trial, for requests that it had answered.
    `curve` is the pooled latency at each of `CURVE_PERCENTS` with a band over the blocks.
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
    service: Distribution
    send_lag: Distribution
    curve: Curve = field(repr=False)
    victims: Mapping[VictimName, Victim]
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
    left_behind: float = 0.0

    @property
    def key(self) -> CellKey:
        """What tells this cell from the others of its run: workload, variant and level."""
        return self.workload.name, self.variant.name, self.level

    @property
    def errors(self) -> int:
        return sum(self.failures.values())

    @property
    def victim_failures(self) -> int:
        return sum(sum(victim.failures.values()) for victim in self.victims.values())

    @property
    def error_rate(self) -> float:
        return self.errors / self.requests if self.requests else 1.0

    @property
    def latency_is_lower_bound(self) -> bool:
        """Whether the latencies seen account for too few users, so that the others waited longer than is shown.

        It happens in a closed loop where a request waits longer than the window: one sent before it and answered after
        it is in no count; and in an open loop whose rate the server cannot carry, where the longer it lasts the longer
        they get.
        """
        rate_rps = self.level.rate_rps
        if rate_rps is not None:
            served = self.throughput_rps.value if self.throughput_rps else 0.0
            return bool(self.dropped) or served < (1 - LITTLE_TOLERANCE) * rate_rps
        # Users whose requests fail are accounted for by their failures, which have a warning of their own.
        if self.error_rate > ERROR_LIMIT or self.explained_users is None:
            return False
        return self.explained_users < (1 - LITTLE_TOLERANCE) * self.level.users

    def latency_us(self, percent: float) -> float | None:
        """Return a pooled percentile in µs; None where too few requests carry it."""
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


def cell_of(
    workload: PlannedWorkload,
    variant: PlannedVariant,
    level: Level,
    recorded: Sequence[RecordedTrial],
    manifest: Manifest,
    core_speed_ms: float | None,
) -> Cell:
    """Return all figures of one variant at one level, from its trials."""
    # What a lost load process had counted is lost; only where nothing else is left such a trial is shown.
    whole = [trial for trial in recorded if not trial.result.lost]
    left_out = len(recorded) - len(whole)
    recorded = whole or recorded
    results = [trial.result for trial in recorded]
    figures = tuple(figures_of(trial) for trial in recorded)
    latency = merge(result.latency for result in results)
    throughput = geometric_mean([trial.throughput_rps for trial in figures])
    failures: Counter[str] = Counter()
    for result in results:
        failures.update(result.failures)
    server = [result.cpu_s["server"] / result.window_s for result in results if "server" in result.cpu_s]
    mean_us, placement = latency.mean_us, manifest.placement
    warmup_s = manifest.schedule.window_of(workload.name, level).warmup_s
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
        service=merge(result.service for result in results),
        send_lag=merge(result.send_lag for result in results),
        curve=curve([result.latency for result in results], [p for p in CURVE_PERCENTS if latency.n >= mass_needed(p)]),
        victims=merged_victims(result.victims for result in results),
        bound=bound(workload, variant, level),
        server_cpu=fmean(server) if server else None,
        client_cpu=max(result.load_cpu for result in results),
        load_core_busy=max(busy) if busy else None,
        disturbances=worst_of(signal for trial in recorded for signal in signals_of(trial, placement, core_speed_ms)),
        client_lag=merge(result.lag for result in results),
        explained_users=None
        if level.rate_rps is not None
        else throughput.value * (mean_us / 1e6 + level.think_s)
        if throughput and mean_us is not None
        else None,
        processes=_processes(results),
        left_out=left_out,
        incomplete=not whole,
        left_behind=max(
            (
                each.telemetry.left_behind(each.result.window_s, level.users) / each.result.window_s
                for each in recorded
                if each.telemetry is not None
            ),
            default=0.0,
        ),
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
