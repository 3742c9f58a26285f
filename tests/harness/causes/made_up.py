"""Servers that never ran: what a request spends on them, their symptoms, and the scene of a cell."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, Final

from harness.causes.bounds import Demands, bounds_of
from harness.causes.cause import Scene
from harness.causes.symptoms import Executor, Holding, Spending, Symptoms
from harness.causes.wait_profile import Limit, LimitKind, SiteTime
from harness.plan.level import Level
from harness.record.telemetry import Callee, Place, Site, WaitSite

MS: Final = 0.001
ROUTE: Final = "/a/sync"
COUNTS: Final = (
    *("requests", "hops", "leases", "steps", "pieces", "piece_bytes"),
    *("coroutine", "overtaken", "calls", "connects_anew"),
)
"""The parts of what a request spends that are no times."""


def spending(**parts: float) -> Spending:
    """What one request spends, in ms; `whole` is the sum of what is given unless it is given, too."""
    inside = sum(value for name, value in parts.items() if name not in (*COUNTS, "whole"))
    counts = dict.fromkeys(COUNTS, 0.0) | {"requests": 100, "steps": 1.0}
    values = {each.name: 0.0 for each in fields(Spending)} | {"whole": inside} | counts | parts
    return Spending(**{name: value if name in COUNTS else value * MS for name, value in values.items()})  # type: ignore[arg-type]


def symptoms(spent: Spending | None, **changes: Any) -> Symptoms:
    quiet = Symptoms(
        route=ROUTE,
        window_s=1.0,
        throughput_rps=1_000.0,
        processes=1,
        spending=spent,
        holdings=(),
        loop_cpu=0.3,
        others_cpu=0.1,
        run_delay=0.0,
        steal=0.0,
        lag_s=0.0,
        stalls_s=(),
        tokens=40,
        borrowed=10.0,
        tokens_full=0.0,
        pool_size=10,
        pool_full=0.0,
        collecting=0.0,
        database_cpu=0.2,
        upstream_cpu=None,
        idle_s=0.0,
    )
    return replace(quiet, **changes)


def place(*, serialising: bool = False) -> Site:
    return Site(ROUTE, "app.py", 7, "handler", "time.sleep(1)", "app.py:handler", serialising, 90)


def holding(route: str = ROUTE, **changes: Any) -> Holding:
    """A route that holds the loop for most of the time, and waits meanwhile."""
    return replace(Holding(route, 0.9, 0.8, 0.9, 0.05, place(), 1.0), **changes)


def wait_site(line: int = 7, **changes: Any) -> WaitSite:
    """A line at which a task awaits something."""
    usual = WaitSite(
        ROUTE,
        "await",
        "",
        "app.py",
        line,
        "handler",
        "await slow()",
        "tasks.py:sleep",
        own=True,
        through="",
        seconds=0.0,
    )
    return replace(usual, **changes)


def site_time(seconds: float, line: int = 7, **changes: Any) -> SiteTime:
    return SiteTime(wait_site(line, **changes), seconds)


def limit(kind: LimitKind = "own", *, library: str = "", waited_s: float = 0.5, **changes: Any) -> Limit:
    """A place at line 3 that ten requests hold at a time for 200 ms, of which they stand 190 ms at line 7."""
    site = wait_site(3, state="place", source="async with turns:", call="locks.py:Semaphore.acquire")
    holders = (wait_site(7, seconds=9.5), wait_site(8, seconds=0.5))
    place = Place(site, library, 1.0, 40.0, 10.0, 10.0, 0.0, 0.0, holders)
    usual = Limit(kind, place, 10.0, waited_s, 0.2, 0.19, holders[0], 0.0)
    return replace(usual, **changes)


def executor(**changes: Any) -> Executor:
    """asyncio's executor with six threads, all busy."""
    return replace(Executor("asyncio's executor", 6, 1.0, 0.9, 0.1, 1.0), **changes)


def callee(name: str, hops: int, served_us: float = 2.0) -> Callee:
    return Callee(ROUTE, name, hops, int(hops * served_us * 1000), int(hops * served_us * 500))


ALONE: Final = symptoms(spending(pre=0.1, served=20.0, hops=1.0, whole=20.2))
DEMANDS: Final = Demands(response=0.0202, thread=0.02, processor=0.0002)
LEVEL: Final = Level(64)


def scene(
    demands: Demands = DEMANDS,
    level: Level = LEVEL,
    *,
    cores: int = 1,
    alone: Symptoms = ALONE,
    spent: Spending | None = None,
    **changes: Any,
) -> Scene:
    """The scene of a handler that waits in a thread, and for one; `changes` are those of its symptoms under load."""
    spent = spent or spending(pre=0.1, queued=15.0, served=20.0, hops=1.0)
    return Scene(level, alone, symptoms(spent, **changes), demands, bounds_of(level, demands, cores=cores), cores)
