"""Everything that a trial needs: the services, the server, the load, and one method that runs a trial."""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final, Protocol

from bench_app.paths import BYSTANDER_PATH, SYNC_BYSTANDER_PATH
from bench_probe.telemetry import Mode
from harness.exceptions import BadInputError
from harness.machine.placement import Placement
from harness.measure.load import Load, open_load, open_meeting, open_worker_group
from harness.measure.server import Server, serve
from harness.measure.services import Services, open_services
from harness.measure.target import Address, find_server
from harness.measure.verify import verify
from harness.plan.address import HOST, Meeting
from harness.plan.knobs import Knobs
from harness.plan.plan import MAX_BLOCKS, Plan, PlannedVariant, Trial, Window
from harness.plan.schedule import Schedule
from harness.record.run import DatabaseFacts, Verification
from harness.record.telemetry import Telemetry
from scenarios.wire.protocol import (
    REQUEST_TIMEOUT_S,
    TIMEOUT,
    UNANSWERED,
    ClosedLoop,
    OpenLoop,
    RequestSpec,
    TrialOrder,
    TrialResult,
)
from scenarios.wire.victim import VictimSpec

ROUNDS: Final = 1.5
LONGER: Final = 1.5
VICTIMS: Final = (
    VictimSpec("async_warm", BYSTANDER_PATH, cold=False, rate_rps=20.0),
    VictimSpec("async_cold", BYSTANDER_PATH, cold=True, rate_rps=10.0),
    VictimSpec("sync_warm", SYNC_BYSTANDER_PATH, cold=False, rate_rps=20.0),
    VictimSpec("sync_cold", SYNC_BYSTANDER_PATH, cold=True, rate_rps=10.0),
)


@dataclass(frozen=True, slots=True)
class Setup:
    """Where a plan is carried out: the cores, and what the user provides in place of what the run would start.

    `dsn` names the user's database, `port` the wanted port of the server. `target` names the user's servers, and then
    `dsn` and `port` are None. `meeting` is where load processes of other machines join. `workloads_dir` contains the
    user's own workload files.
    """

    placement: Placement
    dsn: str | None = None
    port: int | None = None
    target: tuple[str, ...] = ()
    meeting: Meeting | None = None
    workloads_dir: Path | None = None


class Audience(Protocol):
    """A receiver of progress: what is being started, and whether the variants are equivalent."""

    def stage(self, sentence: str) -> None: ...

    def verified(self, verifications: tuple[Verification, ...]) -> None: ...


@dataclass(frozen=True, slots=True)
class Observed:
    """The client's result of a trial, and the server's telemetry, which is None where the server provides none."""

    result: TrialResult
    telemetry: Telemetry | None = None


class Rig:
    """The running services, server and load of a plan, which carry out its trials."""

    def __init__(
        self,
        plan: Plan,
        services: Services,
        load: Load,
        verifications: tuple[Verification, ...],
        start: Callable[..., contextlib.AbstractContextManager[Server]] | None,
        running: contextlib.ExitStack,
    ) -> None:
        self.verifications = verifications
        self.workers = load.workers
        self._plan = plan
        self._services = services
        self._load = load
        self._start = start
        self._running = running
        self._server: Server | None = None
        self._form: tuple[Mode | None, Knobs] | None = None
        self._used = False
        self._addresses: dict[str, Address] = {}
        self._variants = {
            (workload.name, variant.name): (workload, variant)
            for workload in plan.workloads
            for variant in workload.variants
        }

    @property
    def load_pid(self) -> int:
        """The id of the process that makes the load, or leads the processes that do."""
        return self._load.pid

    @property
    def server(self) -> Server | None:
        """The server that this rig has started; None before the first trial, and where the user provides the server."""
        return self._server

    @property
    def database(self) -> DatabaseFacts | None:
        """The database that the variants use; None where they use none."""
        database = self._services.database
        return None if database is None else DatabaseFacts(database.version, database.embedded)

    def run(self, trial: Trial, window: Window, *, diagnose: bool = False) -> Observed:
        """Run one trial, on a server that is restarted first where the plan or the trial needs it.

        With `diagnose` the server is instrumented. It is slower, and no measured trial runs on it.

        Raises:
            ChildDiedError: one of the processes ended during the trial.
        """
        mode: Mode | None = "diagnose" if diagnose else "measure" if self._plan.probe else None
        form = (mode, trial.level.knobs)
        if form != self._form or (self._used and self._plan.fresh_server and not diagnose):
            self._restart(*form)
        result = self._load.run(replace(self._order(trial, window), stamped=diagnose), self._check)
        self._used = True
        self._check()
        telemetry = None
        if self._server is not None and self._server.tail is not None:
            telemetry = self._server.tail.take(result.opened_ns, result.window_s)
        left = telemetry is not None and telemetry.left_behind(window.window_s, trial.level.users) > 0
        if left or result.failures.keys() & {UNANSWERED, TIMEOUT}:
            # The server may still work for requests that no client waits for, which would slow the next trial.
            self._restart(*form)
        return Observed(result, telemetry)

    def profile(self, trial: Trial, window: Window, longest_s: float) -> Observed:
        """Run one trial on an instrumented server, in a window that follows what a request takes.

        Where a request took longer than the warm-up or the window, the trial is repeated after a warm-up as long as a
        request, with a window in which each user should get `ROUNDS` answers, both up to `longest_s` seconds. What a
        workload declares that a request waits is known before the first try.

        Raises:
            ChildDiedError: one of the processes ended during the trial.
        """
        if trial.level.rate_rps is not None or window.window_s >= longest_s:
            return self.run(trial, window, diagnose=True)
        workload, variant = self._variants[trial.workload, trial.variant]
        users = trial.level.users
        declared_s = (workload.wait_s or 0.0) * (users if variant.kind == "blocking" else 1)
        tried = _following(window, declared_s, longest_s)
        seen = self.run(trial, tried, diagnose=True)
        round_s = tried.window_s * users / seen.result.completed if seen.result.completed else longest_s
        if min(round_s, longest_s) <= LONGER * min(tried.warmup_s, tried.window_s):
            return seen
        return self.run(trial, _following(window, round_s, longest_s), diagnose=True)

    def _restart(self, mode: Mode | None, knobs: Knobs) -> None:
        if self._start is not None:
            self._running.close()
            self._server = self._running.enter_context(self._start(probe=mode, knobs=knobs))
            self._form, self._used = (mode, knobs), False

    def _check(self) -> None:
        self._services.check()
        if self._server is not None:
            self._server.child.check()

    def _order(self, trial: Trial, window: Window) -> TrialOrder:
        workload, variant = self._variants[trial.workload, trial.variant]
        requests = tuple(
            RequestSpec(**asdict(request) | {"path": variant.path + request.path}) for request in workload.requests
        )
        if self._server is not None:
            host, port = self._server.host, self._server.port
            watch = {"server": self._server.child.pid} | self._services.watch
            loop_threads = {} if self._server.loop_thread is None else {"server": self._server.loop_thread}
        else:
            address = self._address(variant)
            host, port, watch, loop_threads = address.host, address.port, {}, {}
            requests = tuple(
                replace(request, headers=(("Host", address.authority), *request.headers)) for request in requests
            )
        return TrialOrder(
            name=trial.name,
            host=host,
            port=port,
            requests=requests,
            load=_load(self._plan, trial),
            warmup_s=window.warmup_s,
            window_s=window.window_s,
            drain_s=window.drain_s,
            timeout_s=REQUEST_TIMEOUT_S,
            # Only a server of this project, whose variants have a kind, has an endpoint for victims.
            victims=VICTIMS if variant.kind is not None else (),
            watch=watch,
            loop_threads=loop_threads,
        )

    def _address(self, variant: PlannedVariant) -> Address:
        origin = variant.origin or ""
        if origin not in self._addresses:
            self._addresses[origin] = find_server(origin)
        return self._addresses[origin]


def _following(window: Window, round_s: float, longest_s: float) -> Window:
    """Return the window, long enough for requests that take `round_s` seconds."""
    round_s = min(round_s, longest_s)
    return replace(
        window,
        warmup_s=max(window.warmup_s, round_s),
        window_s=min(max(window.window_s, ROUNDS * round_s), longest_s),
    )


def _load(plan: Plan, trial: Trial) -> ClosedLoop | OpenLoop:
    level = trial.level
    if level.rate_rps is None:
        return ClosedLoop(level.users, level.think_s)
    # The same arrivals for all variants of a block, and others in the next.
    return OpenLoop(level.users, level.rate_rps, level.arrivals, seed=plan.seed * MAX_BLOCKS + trial.block)


@contextlib.contextmanager
def open_rig(schedule: Schedule, setup: Setup, audience: Audience, logs: Path) -> Iterator[Rig]:
    """Start everything that the schedule needs, verify the variants, and stop everything at the end.

    Raises:
        BenchError: something that the schedule needs cannot be started or used.
    """
    plan, placement = schedule.plan, setup.placement
    if setup.target and setup.meeting and not setup.meeting.host.startswith("127."):
        _check_reach(plan)
    if not setup.target:
        audience.stage("starting database and upstream")
    # A server that the user started has its services already.
    needed = replace(plan, workloads=()) if setup.target else plan
    with (
        open_services(
            needed, setup.dsn, placement, logs, settings=schedule.settings, workloads_dir=setup.workloads_dir
        ) as services,
        _open_load(plan, setup, logs, audience.stage) as load,
        contextlib.ExitStack() as running,
    ):
        audience.stage("verifying the variants")
        if setup.target:
            verifications = verify(plan, services, None)
        else:
            with serve(services, cores=placement.server, logs=logs, recorded=True) as recorder:
                verifications = verify(plan, services, recorder)
        audience.verified(verifications)
        audience.stage("starting the load" if setup.target else "starting server and load")
        host = setup.meeting.host if setup.meeting else HOST
        start = partial(serve, services, cores=placement.server, logs=logs, host=host, port=setup.port)
        rig = Rig(plan, services, load, verifications, None if setup.target else start, running)
        load.await_ready()
        yield rig


def _check_reach(plan: Plan) -> None:
    """Refuse a server on this machine's loopback, which the workers of other machines cannot reach."""
    for workload in plan.workloads:
        for variant in workload.variants:
            if variant.origin and ipaddress.ip_address(find_server(variant.origin).host).is_loopback:
                raise BadInputError(
                    f"--target {variant.origin} is on this machine's loopback, which workers of other machines cannot "
                    "reach: give an address that they can."
                )


def _open_load(
    plan: Plan, setup: Setup, logs: Path, tell: Callable[[str], None]
) -> contextlib.AbstractContextManager[Load]:
    cores = setup.placement.load
    if setup.meeting is not None:
        return open_meeting(setup.meeting, cores=cores, logs=logs, tell=tell)
    if plan.load_processes > 1:
        return open_worker_group(cores=cores, logs=logs, processes=plan.load_processes)
    return open_load(cores=cores, logs=logs)
