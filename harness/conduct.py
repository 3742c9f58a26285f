"""A session from start to end: services, verification, server, load, and each trial saved when it ends."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final, Protocol

from bench_app.app import BYSTANDER_PATH
from harness.calibration import read_calibration
from harness.child import PROJECT
from harness.exceptions import BadInputError, BenchError, StoppedError
from harness.load import Load, Meeting, open_crew, open_load, open_meeting
from harness.machine import Placement, facts
from harness.plan import DRAIN_S, MAX_BLOCKS, Level, Plan, PlannedVariant, Trial
from harness.record import Manifest, Record, RecordedTrial, Verification, make_directory
from harness.serve import HOST, OPTIONS, Server, serve
from harness.services import POOL_SIZE, Services, open_services
from harness.target import Address, find_server
from harness.verify import verify
from scenarios.protocol import TIMEOUT, UNANSWERED, ClosedLoop, OpenLoop, RequestSpec, TrialOrder

REQUEST_TIMEOUT_S: Final = 30.0
BYSTANDER_RATE_RPS: Final = 20.0


@dataclass(frozen=True, slots=True)
class Site:
    """Where a plan is carried out: the cores, and what the user brings along instead of what the run would start.

    `dsn` is the user's database, `port` the wanted port of the server, `target` the user's servers (then there is
    neither), `meeting` where load processes of other machines join.
    """

    placement: Placement
    dsn: str | None = None
    port: int | None = None
    target: tuple[str, ...] = ()
    meeting: Meeting | None = None


class Watcher(Protocol):
    """Whoever wants to know how far the session is."""

    def stage(self, sentence: str) -> None: ...

    def verified(self, verifications: tuple[Verification, ...]) -> None: ...

    def replanned(self, plan: Plan) -> None: ...

    def trial_starts(self, trial: Trial) -> None: ...

    def trial_ended(self, recorded: RecordedTrial) -> None: ...


def conduct(
    plan: Plan,
    watcher: Watcher,
    site: Site,
    *,
    out: Path,
    name: str,
    command: str,
) -> Path:
    """Run the plan; returns the run's directory, which holds every trial that ended.

    Raises:
        BenchError: something that the session needs cannot be had, or was lost on the way.
    """
    started = datetime.now(UTC)
    directory = make_directory(out, name, started)
    machine = facts(PROJECT)
    manifest = Manifest(
        schema=1,
        started=started,
        command=command,
        plan=plan,
        machine=machine,
        placement=site.placement,
        server={} if site.target else OPTIONS | {"pool size": POOL_SIZE},
        database=None,
        calibration=read_calibration(out, machine),
        target=", ".join(site.target) or None,
    )
    record = Record(directory, manifest)
    kept: list[Trial] = []
    try:
        for recorded in _session(plan, watcher, record, site):
            record.save(recorded)
            kept.append(recorded.trial)
            watcher.trial_ended(recorded)
    except BenchError as error:
        raise type(error)(f"{error} {_kept(record, kept, discard=isinstance(error, BadInputError))}".strip()) from error
    except KeyboardInterrupt:
        raise StoppedError(f"Stopped. {_kept(record, kept, discard=True)}".strip()) from None
    record.note(ended=datetime.now(UTC))
    return directory


def _session(plan: Plan, watcher: Watcher, record: Record, site: Site) -> Iterator[RecordedTrial]:
    placement, logs = site.placement, record.logs
    if not site.target:
        watcher.stage("starting database and upstream")
    # What a server of others needs, others have started.
    needed = replace(plan, workloads=()) if site.target else plan
    with open_services(needed, site.dsn, placement, logs) as services, contextlib.ExitStack() as running:
        watcher.stage("verifying the twins")
        if site.target:
            verifications = verify(plan, services, None)
        else:
            with serve(services, cores=placement.server, logs=logs, witnessed=True) as witness:
                verifications = verify(plan, services, witness)
        record.note(verifications=verifications, database=_described(services))
        watcher.verified(verifications)
        watcher.stage("starting the load" if site.target else "starting server and load")
        with _open_load(plan, site, logs, watcher.stage) as load:
            record.note(workers=load.workers)
            host = site.meeting.host if site.meeting else HOST
            start = partial(serve, services, cores=placement.server, logs=logs, host=host, port=site.port)
            server = None if site.target else running.enter_context(start())

            def check() -> None:
                services.check()
                if server is not None:
                    server.child.check()

            orders = _Orders(plan, services)
            seen: Seen = {}
            for trial in _trials(plan, watcher, record, seen):
                watcher.trial_starts(trial)
                result = load.run(orders.order(trial, server), check)
                check()
                at = seen.setdefault((trial.workload, trial.variant), {}).setdefault(trial.level, [])
                at.append(result.completed / result.window_s)
                yield RecordedTrial(trial, result)
                if server is not None and result.failures.keys() & {UNANSWERED, TIMEOUT}:
                    # It may still be at work on what nobody waits for, and the next trial would pay for that.
                    running.close()
                    server = running.enter_context(start())


Seen = dict[tuple[str, str], dict[Level, list[float]]]


def _trials(plan: Plan, watcher: Watcher, record: Record, seen: Seen) -> Iterator[Trial]:
    """The plan's trials; then those of the step at an equal rate, which follow from what the others have shown.

    `seen` holds the throughputs of each (workload, variant) by level, and grows while the trials are taken from here.
    """
    yield from plan.trials
    if not plan.iso_pairs:
        return
    carried = {variant: max(median(rates) for rates in levels.values()) for variant, levels in seen.items()}
    last = plan.at_equal_rates(carried)
    record.note(plan=last)
    watcher.replanned(last)
    yield from last.trials[len(plan.trials) :]


def _open_load(
    plan: Plan, site: Site, logs: Path, tell: Callable[[str], None]
) -> contextlib.AbstractContextManager[Load]:
    cores = site.placement.load
    if site.meeting is not None:
        return open_meeting(site.meeting, cores=cores, logs=logs, tell=tell)
    if plan.load_processes > 1:
        return open_crew(cores=cores, logs=logs, processes=plan.load_processes)
    return open_load(cores=cores, logs=logs)


class _Orders:
    """What the load process is told of each trial."""

    def __init__(self, plan: Plan, services: Services) -> None:
        self._plan = plan
        self._services = services
        self._addresses: dict[str, Address] = {}
        self._variants = {
            (workload.name, variant.name): (workload, variant)
            for workload in plan.workloads
            for variant in workload.variants
        }

    def order(self, trial: Trial, server: Server | None) -> TrialOrder:
        plan, (workload, variant) = self._plan, self._variants[trial.workload, trial.variant]
        requests = tuple(
            RequestSpec(**asdict(request) | {"path": variant.path + request.path}) for request in workload.requests
        )
        if server is not None:
            host, port = server.host, server.port
            watch = {"server": server.child.pid} | self._services.watch
        else:
            address = self._address(variant)
            host, port, watch = address.host, address.port, {}
            requests = tuple(
                replace(request, headers=(("Host", address.authority), *request.headers)) for request in requests
            )
        return TrialOrder(
            name=trial.name,
            host=host,
            port=port,
            requests=requests,
            load=_load(plan, trial),
            warmup_s=plan.warmup_s,
            window_s=plan.window_s,
            drain_s=DRAIN_S,
            timeout_s=REQUEST_TIMEOUT_S,
            # A server of others has no bystander, but for one of this project, whose variants have a kind.
            bystander_path=BYSTANDER_PATH if variant.kind is not None else None,
            bystander_rate_rps=BYSTANDER_RATE_RPS,
            watch=watch,
        )

    def _address(self, variant: PlannedVariant) -> Address:
        origin = variant.origin or ""
        if origin not in self._addresses:
            self._addresses[origin] = find_server(origin)
        return self._addresses[origin]


def _load(plan: Plan, trial: Trial) -> ClosedLoop | OpenLoop:
    level = trial.level
    if level.rate_rps is None:
        return ClosedLoop(level.users, level.think_s)
    # The same arrivals for all variants of a block, and others in the next.
    return OpenLoop(level.users, level.rate_rps, level.arrivals, seed=plan.seed * MAX_BLOCKS + trial.block)


def _described(services: Services) -> str | None:
    database = services.database
    if database is None:
        return None
    return f"PostgreSQL {database.version}, {'embedded' if database.embedded else 'given by --dsn'}"


def _kept(record: Record, trials: list[Trial], *, discard: bool) -> str:
    """What is left of a run that did not end; an empty directory is not worth leaving behind."""
    directory = record.directory
    if trials:
        count = f"{len(trials)} of {len(record.manifest.plan.trials)} trials are kept"
        return f"{count} in {directory}; `python bench.py report {directory}` makes their page."
    if discard:
        shutil.rmtree(directory, ignore_errors=True)
        return "Nothing was measured yet."
    return ""
