"""The services that the measured server uses: the database and the upstream service, for the length of the run."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench_app.settings import WAIT_S
from bench_app.upstream import COUNT_PATH
from bench_app.workload import Package
from harness.exceptions import BadInputError, BenchError
from harness.machine.placement import Placement
from harness.measure.child import Child, fetch
from harness.measure.postgres import Database, open_database
from harness.plan.knobs import USUAL, Knobs
from harness.plan.plan import Plan


@dataclass(frozen=True, slots=True)
class Upstream:
    """The running upstream service."""

    url: str
    child: Child

    def calls(self) -> int:
        """Return how many calls it has answered so far."""
        return int(fetch(self.url + COUNT_PATH.decode()[1:], timeout_s=5))


@dataclass(frozen=True, slots=True)
class Services:
    """The services that the server uses, and what it serves; None for a service that the plan does not need.

    `wait_s` is how many seconds a handler waits that does nothing else.
    """

    database: Database | None
    upstream: Upstream | None
    wait_s: float = WAIT_S
    package: Package = "workloads"
    workloads_dir: Path | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a server process. It may contain the database's password, and is never logged."""
        # Without the proxy variables: requests would use a proxy on loopback too, and aiohttp would not.
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("BENCH_", "PYTEST_")) and not name.lower().endswith("_proxy")
        }
        if self.database is not None:
            environment["BENCH_DSN"] = self.database.dsn
        if self.upstream is not None:
            environment["BENCH_UPSTREAM"] = self.upstream.url
        environment["BENCH_WAIT_S"] = str(self.wait_s)
        environment["BENCH_PACKAGE"] = self.package
        if self.workloads_dir is not None:
            environment["BENCH_WORKLOADS"] = str(self.workloads_dir.resolve())
        return environment

    def check(self) -> None:
        """Raise ChildDiedError if one of the services that the run started has ended."""
        if self.database is not None and self.database.child is not None:
            self.database.child.check()
        if self.upstream is not None:
            self.upstream.child.check()

    @property
    def watch(self) -> dict[str, int]:
        """The process ids of the services by role, for the CPU time that a trial reads.

        The user's own database is not among them.
        """
        watched = {"upstream": self.upstream.child.pid} if self.upstream is not None else {}
        if self.database is not None and self.database.child is not None:
            watched["database"] = self.database.child.pid
        return watched


@contextlib.contextmanager
def open_services(
    plan: Plan,
    dsn: str | None,
    placement: Placement,
    logs: Path,
    *,
    settings: Sequence[Knobs] = (USUAL,),
    workloads_dir: Path | None = None,
) -> Iterator[Services]:
    """Start what the plan's workloads need with any of these settings of the server, and stop it at the end.

    Raises:
        BadInputError: the database cannot be used, or the workloads' waits contradict each other.
    """
    wait_s = _wait_s(plan)
    with contextlib.ExitStack() as stack:
        database = upstream = None
        if "database" in plan.needs:
            # A variant that connects for each request uses one connection a user, beside the other variants' pools.
            pools = max(2 * knobs.pool_size * knobs.workers for knobs in settings)
            connections = max(level.users for level in plan.levels) + pools
            database = stack.enter_context(
                open_database(dsn, connections=connections, cores=placement.services, logs=logs)
            )
        if "upstream" in plan.needs:
            upstream = stack.enter_context(_open_upstream(wait_s, placement, logs))
        yield Services(database, upstream, wait_s, plan.package, workloads_dir)


def _wait_s(plan: Plan) -> float:
    """Return the wait that the plan's adjustable workloads declare, in seconds, or the default where none does.

    Raises:
        BadInputError: they declare different waits, and one server has only one.
    """
    declared = {
        workload.wait_s: workload.name
        for workload in plan.workloads
        if workload.adjustable and workload.wait_s is not None
    }
    if len(declared) > 1:
        listed = " and ".join(f"{name} ({wait_s * 1000:g} ms)" for wait_s, name in declared.items())
        raise BadInputError(f"{listed} declare adjustable waits, and a server has only one: give them the same wait.")
    return next(iter(declared), WAIT_S)


@contextlib.contextmanager
def _open_upstream(latency_s: float, placement: Placement, logs: Path) -> Iterator[Upstream]:
    command = [sys.executable, "-m", "bench_app.upstream", "--latency-ms", str(latency_s * 1000)]
    with Child("upstream service", command, cores=placement.services, log=logs / "upstream.log", piped=True) as child:
        port = child.output.readline().strip()
        if not port:
            child.stop()
            child.check()
            raise BenchError("The upstream service did not start.")
        yield Upstream(f"http://127.0.0.1:{int(port)}/", child)
