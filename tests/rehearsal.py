"""A session without a clock or a socket: trials with declared results, written as a real run writes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench_app.discovery import discover
from bench_probe.accounts import Account
from bench_probe.telemetry import COLUMNS
from harness.judge.crossover import FILE, LEVELS, SOUGHT, CrossoverPlan, level_directory
from harness.machine.facts import facts
from harness.machine.placement import Placement
from harness.plan.level import Level
from harness.plan.options import RunOptions
from harness.plan.plan import Plan, Trial
from harness.plan.planning import make_plan
from harness.plan.schedule import Schedule
from harness.record.calibration import Calibration
from harness.record.run import SCHEMA, Answer, DatabaseFacts, Manifest, Record, RecordedTrial, Verification
from harness.record.run_directory import make_directory
from harness.record.telemetry import Accounts, Readings, Site, Telemetry
from scenarios.wire.histogram import Distribution, Histogram
from scenarios.wire.protocol import TrialResult
from scenarios.wire.victim import VICTIMS, Victim

STARTED = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def distribution(latencies_us: Iterable[int]) -> Distribution:
    histogram = Histogram()
    for latency_us in latencies_us:
        histogram.record(latency_us)
    return histogram.distribution()


def result(throughput_rps: float, users: int = 64, *, window_s: float = 1.0, **changes: Any) -> TrialResult:
    """A steady trial that agrees with Little's law: R = N / X for every request."""
    completed = round(throughput_rps * window_s)
    latency_us = round(users / throughput_rps * 1e6) if throughput_rps else 0
    steady = TrialResult(
        opened_ns=0,
        window_s=window_s,
        connected=users,
        completed=completed,
        latency=distribution([latency_us] * completed),
        service=Distribution(),
        send_lag=Distribution(),
        failures={},
        failed_latency=Distribution(),
        dropped=0,
        sent=completed,
        answered=completed,
        slices=(),
        victims=dict.fromkeys(VICTIMS, Victim(distribution([800] * 20))),
        lag=distribution([100] * 100),
        cpu_s={"server": 0.5 * window_s, "load": 0.1 * window_s},
        core_busy=(0.5, 0.2),
    )
    return replace(steady, **changes)


def telemetry(window_s: float = 1.0, *, accounts: Accounts | None = None, **columns: Any) -> Telemetry:
    """What a calm server tells from 0.3 s before a window until its end; `columns` say what is different."""
    step_ns = 50_000_000
    times = list(range(-6 * step_ns, int(window_s * 1e9) + 1, step_ns))
    usual: dict[str, list[Any]] = {name: [0] * len(times) for name in COLUMNS}
    usual |= {"t_ns": times, "beats": [5] * len(times), "stalls_us": [[] for _ in times], "tokens": [40] * len(times)}
    usual |= {
        "loop_cpu_ns": [place * step_ns // 2 for place in range(len(times))],
        "process_cpu_ns": [place * step_ns * 3 // 5 for place in range(len(times))],
        **{name: [None] * len(times) for name in ("pool_size", "pool_in_use", "pool_waiting")},
    }
    usual |= {name: value if isinstance(value, list) else [value] * len(times) for name, value in columns.items()}
    return Telemetry((Readings(7, "diagnose" if accounts else "measure", "uvloop.Loop", usual),), accounts)


def accounts(route: str, *, sites: tuple[Site, ...] = (), seconds: float = 1.0, **totals: int) -> Accounts:
    """What a diagnosed server kept accounts of, for one route; times in nanoseconds, all of its requests together."""
    return Accounts(seconds, {route: asdict(Account(**totals))}, samples=200, busy=100, sites=sites)


def schedule(*workloads: str, **options: Any) -> Schedule:
    """The trials of `plan`."""
    return Schedule(plan(*workloads, **options))


def plan(*workloads: str, **options: Any) -> Plan:
    return make_plan(
        discover(), RunOptions(workloads=workloads, **{"blocks": 5, "seconds": 1.0, "diagnose": False} | options)
    )


def rehearse(
    parent: Path,
    made: Plan,
    results: Callable[[Trial], TrialResult],
    *,
    trials: int | None = None,
    problems: Mapping[str, str] | None = None,
    shared: bool = False,
    calibration: Calibration | None = None,
    core_speed_ms: Mapping[int, float] | None = None,
    told: Callable[[Trial], Telemetry | None] = lambda _: None,
) -> Path:
    """Write a run whose trials show what `results` declares; only the first `trials` of them, if that is given.

    `told` is what the server tells in each of them, and in those that diagnose.
    """
    directory, placement = make_directory(parent, made.profile, STARTED), Placement((0,), (1,), (1,), shared=shared)
    record = Record(
        directory,
        Manifest(
            schema=SCHEMA,
            started=STARTED,
            command="python bench.py run",
            plan=made,
            machine=facts(placement),
            placement=placement,
            server={"program": "uvicorn", "workers": 1},
            database=DatabaseFacts("18", embedded=True),
            calibration=calibration,
            verifications=tuple(
                Verification(
                    workload=workload.name,
                    variant=variant.name,
                    answers=(Answer(variant.path, 200, '{"sample": "<script>alert(1)</script>"}'),),
                    thread="loop",
                    statements=None,
                    upstream_calls=None,
                    problems=tuple(
                        problem
                        for name, problem in (problems or {}).items()
                        if name == f"{workload.name}/{variant.name}"
                    ),
                )
                for workload in made.workloads
                for variant in workload.variants
            ),
        ),
    )
    for trial in Schedule(made).trials[:trials]:
        record.save(RecordedTrial(trial, results(trial), (core_speed_ms or {}).get(trial.number), told(trial)))
    for trial in Schedule(made).diagnostics:
        record.save_diagnosis(RecordedTrial(trial, results(trial), None, told(trial)))
    if trials is None:
        record.note(ended=STARTED)
    return directory


def rehearse_crossover(
    parent: Path, rates: Callable[[str, int], float], levels: Sequence[int], *, ended: bool = True, **options: Any
) -> Path:
    """Write a search over users of `sleep`'s sync and async, whose variants carry what `rates` declares at a level."""
    made = plan("sleep", variants=["sync", "async"], blocks=4)
    sought = CrossoverPlan(
        schema=1,
        workload=made.workloads[0],
        baseline="sync",
        contender="async",
        over="users",
        low=levels[0],
        high=levels[-1],
        users=None,
        blocks=made.blocks,
        warmup_s=made.warmup_s,
        window_s=made.window_s,
        margin=made.margin,
        seed=made.seed,
        started=STARTED,
        command="python bench.py crossover sleep sync async --over users",
        machine=facts(Placement((0,), (1,), (1,), shared=False)),
        placement="core 0",
        ended=STARTED if ended else None,
    )
    directory = make_directory(parent, "crossover-sleep", STARTED)
    (directory / FILE).write_bytes(SOUGHT.dump_json(sought))

    def results(trial: Trial) -> TrialResult:
        spread = 1 + 0.01 * (trial.number % 3)
        return result(rates(trial.variant, trial.level.users) * spread, trial.level.users)

    for level in levels:
        run = rehearse(directory / LEVELS, replace(made, levels=(Level(level),)), results, **options)
        run.rename(level_directory(directory, level))
    return directory
