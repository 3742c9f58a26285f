"""A session from start to end: services, verification, server, load, and each trial saved when it ends."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final, Protocol

from bench_app.app import BYSTANDER_PATH
from harness.calibration import read_calibration
from harness.child import PROJECT
from harness.exceptions import BadInputError, BenchError, StoppedError
from harness.load import open_load
from harness.machine import Placement, facts
from harness.plan import DRAIN_S, MAX_BLOCKS, Plan, PlannedWorkload, Trial
from harness.record import Manifest, Record, RecordedTrial, Verification, make_directory
from harness.serve import HOST, OPTIONS, Server, serve
from harness.services import POOL_SIZE, Services, open_services
from harness.verify import verify
from scenarios.protocol import TIMEOUT, UNANSWERED, ClosedLoop, OpenLoop, RequestSpec, TrialOrder

REQUEST_TIMEOUT_S: Final = 30.0
BYSTANDER_RATE_RPS: Final = 20.0


class Watcher(Protocol):
    """Whoever wants to know how far the session is."""

    def stage(self, sentence: str) -> None: ...

    def verified(self, verifications: tuple[Verification, ...]) -> None: ...

    def trial_starts(self, trial: Trial) -> None: ...

    def trial_ended(self, recorded: RecordedTrial) -> None: ...


def conduct(
    plan: Plan,
    watcher: Watcher,
    *,
    placement: Placement,
    out: Path,
    name: str,
    command: str,
    dsn: str | None = None,
    port: int | None = None,
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
        placement=placement,
        server=OPTIONS | {"pool size": POOL_SIZE},
        database=None,
        calibration=read_calibration(out, machine),
    )
    record = Record(directory, manifest)
    kept: list[Trial] = []
    try:
        for recorded in _session(plan, watcher, record, placement, dsn, port):
            record.save(recorded)
            kept.append(recorded.trial)
            watcher.trial_ended(recorded)
    except BenchError as error:
        raise type(error)(f"{error} {_kept(record, kept, discard=isinstance(error, BadInputError))}".strip()) from error
    except KeyboardInterrupt:
        raise StoppedError(f"Stopped. {_kept(record, kept, discard=True)}".strip()) from None
    record.note(ended=datetime.now(UTC))
    return directory


def _session(
    plan: Plan, watcher: Watcher, record: Record, placement: Placement, dsn: str | None, port: int | None
) -> Iterator[RecordedTrial]:
    watcher.stage("starting database and upstream")
    with open_services(plan, dsn, placement, record.logs) as services:
        watcher.stage("verifying the twins")
        with serve(services, cores=placement.server, logs=record.logs, witnessed=True) as witness:
            verifications = verify(plan, services, witness)
        record.note(verifications=verifications, database=_described(services))
        watcher.verified(verifications)
        watcher.stage("starting server and load")
        with (
            open_load(cores=placement.load, logs=record.logs) as load,
            contextlib.ExitStack() as running,
        ):
            start = partial(serve, services, cores=placement.server, logs=record.logs, port=port)
            server = running.enter_context(start())

            def check() -> None:
                services.check()
                server.child.check()

            requests = {workload.name: _specs(workload) for workload in plan.workloads}
            for trial in plan.trials:
                watcher.trial_starts(trial)
                result = load.run(_order(plan, trial, requests[trial.workload], services, server), check)
                check()
                yield RecordedTrial(trial, result)
                if result.failures.keys() & {UNANSWERED, TIMEOUT}:
                    # It may still be at work on what nobody waits for, and the next trial would pay for that.
                    running.close()
                    server = running.enter_context(start())


def _specs(workload: PlannedWorkload) -> dict[str, tuple[RequestSpec, ...]]:
    """The mix of each variant, as the load process wants it."""
    return {
        variant.name: tuple(
            RequestSpec(variant.path + request.path, request.expect, request.weight) for request in workload.requests
        )
        for variant in workload.variants
    }


def _order(
    plan: Plan, trial: Trial, requests: dict[str, tuple[RequestSpec, ...]], services: Services, server: Server
) -> TrialOrder:
    return TrialOrder(
        name=trial.name,
        host=HOST,
        port=server.port,
        requests=requests[trial.variant],
        load=_load(plan, trial),
        warmup_s=plan.warmup_s,
        window_s=plan.window_s,
        drain_s=DRAIN_S,
        timeout_s=REQUEST_TIMEOUT_S,
        bystander_path=BYSTANDER_PATH,
        bystander_rate_rps=BYSTANDER_RATE_RPS,
        watch={"server": server.child.pid} | services.watch,
    )


def _load(plan: Plan, trial: Trial) -> ClosedLoop | OpenLoop:
    level = trial.level
    if level.rate_rps is None:
        return ClosedLoop(level.users)
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
