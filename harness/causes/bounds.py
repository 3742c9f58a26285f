"""The theoretical bound of a variant at a level, with which a measured throughput is compared."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from bench_app.settings import Settings
from harness.causes.symptoms import Symptoms
from harness.causes.wait_profile import Limit
from harness.plan.level import Level
from harness.plan.plan import PlannedVariant, PlannedWorkload

Resource = Literal[
    "users", "threads", "executor", "loop", "processor", "database pool", "outbound pool", "place", "client"
]

ASYNCIO: Final = "asyncio's executor"
OUTBOUND_CONNECTIONS: Final = Settings().outbound_size
"""The size of both outbound pools, aiohttp's connector and requests' adapter."""


@dataclass(frozen=True, slots=True)
class Bound:
    """An upper bound of throughput in requests a second, its formula, and the resource that sets it."""

    rps: float
    formula: str
    limit: str
    resource: Resource = "users"


def bound(workload: PlannedWorkload, variant: PlannedVariant, level: Level) -> Bound | None:
    """Return the bound for a declared wait S with N users; None for a workload that declares no wait.

    It is N/S when awaited, min(N, 40)/S in threads and 1/S on the loop. With a think time Z it is at most N/(S + Z).
    """
    if not workload.wait_s:
        return None
    wait_ms = f"{workload.wait_s * 1000:g} ms"
    # The users ask for at most one rate, and the server has slots for another: the smaller one is the bound.
    cycle_s = workload.wait_s + level.think_s
    think = f" + {level.think_s * 1000:g} ms think time" if level.think_s else ""
    asked = Bound(
        level.users / cycle_s,
        f"{level.users} / ({wait_ms}{think})" if think else f"{level.users} / {wait_ms}",
        "each user waits for its own answer",
    )
    workers, threads = level.knobs.workers, level.knobs.threads * level.knobs.workers
    slots, limit, resource = None, "", asked.resource
    if variant.kind == "blocking":
        slots, limit, resource = workers, "the event loop waits for one request at a time", "loop"
    elif variant.kind in ("sync", "offload"):
        slots, limit, resource = threads, f"the thread pool has {threads} threads", "threads"
    elif workload.outbound:
        slots, resource = OUTBOUND_CONNECTIONS * workers, "outbound pool"
        limit = f"the outbound pool has {slots} connections"
    if slots is None or slots / workload.wait_s >= asked.rps:
        return asked
    return Bound(slots / workload.wait_s, f"{slots} / {wait_ms}", limit, resource)


@dataclass(frozen=True, slots=True)
class Demands:
    """What one unloaded request asks of each resource, in seconds; 0 where it asks for nothing.

    `response` is its unloaded latency R₀. `thread`, `lease` and `call` are how long it keeps tokens of the thread pool,
    a database connection and an outbound connection. `loop` is how long it holds the event loop if it blocks the loop.
    `executor` is how long it keeps a thread of asyncio's executor. `place` is how long it keeps what `capacity`
    requests at a time get at the place that the profile found. `processor` is the server's CPU time for one request
    under load.
    """

    response: float
    thread: float = 0.0
    lease: float = 0.0
    call: float = 0.0
    loop: float = 0.0
    executor: float = 0.0
    place: float = 0.0
    capacity: float = 0.0
    processor: float = 0.0


def demands_of(
    alone: Symptoms, response_s: float, processor_s: float, *, blocks: bool, limit: Limit | None = None
) -> Demands | None:
    """Return the demands of a variant from its trial with one user; None if that trial was not profiled.

    `blocks` says that the variant waits on the event loop. It then needs the loop for the whole of each of its steps.
    `limit` is the place at which requests waited for others under load.
    """
    spent = alone.spending
    if spent is None:
        return None
    return Demands(
        response=response_s,
        thread=spent.queued + spent.served + spent.returned if spent.hops else 0.0,
        lease=spent.leased,
        call=max(0.0, spent.calling - spent.call_wait),
        loop=spent.stepping if blocks else 0.0,
        executor=sum(each.queued + each.served for each in alone.executors if each.pool == ASYNCIO),
        place=limit.held_s if limit is not None else 0.0,
        capacity=limit.capacity if limit is not None else 0.0,
        processor=processor_s,
    )


def bounds_of(level: Level, demands: Demands, *, cores: int, client_rps: float | None = None) -> tuple[Bound, ...]:
    """Return the bound of each resource by the measured demands, the lowest first: X ≤ servers / demand.

    `cores` counts the server's cores; a process uses one at most. `client_rps` is the load generator's own limit.
    """
    knobs, found = level.knobs, []
    asked_s = demands.response + level.think_s
    if level.rate_rps is not None:
        found.append(Bound(level.rate_rps, "the rate offered", "no more was asked for", "users"))
    elif asked_s > 0:
        formula = f"{level.users} / {_ms(asked_s)}"
        found.append(Bound(level.users / asked_s, formula, "each user waits for its own answer", "users"))
    servers: Iterable[tuple[float, float, str, Resource]] = (
        (knobs.threads * knobs.workers, demands.thread, "worker threads", "threads"),
        (knobs.workers, demands.loop, "the event loop, which is blocked meanwhile", "loop"),
        (min(knobs.workers, cores), demands.processor, "the server's core", "processor"),
        (knobs.pool_size * knobs.workers, demands.lease, "database connections", "database pool"),
        (OUTBOUND_CONNECTIONS * knobs.workers, demands.call, "outbound connections", "outbound pool"),
        (knobs.executor * knobs.workers, demands.executor, "threads of asyncio's executor", "executor"),
        (demands.capacity, demands.place, "those that the application lets through", "place"),
    )
    for count, demand_s, limit, resource in servers:
        if demand_s > 0:
            found.append(Bound(count / demand_s, f"{count:.3g} / {_ms(demand_s)}", limit, resource))
    if client_rps is not None:
        found.append(Bound(client_rps, "calibrated", "the load generator itself", "client"))
    return tuple(sorted(found, key=lambda each: each.rps))


def saturation_users(threads: int, sync: Demands, think_s: float) -> float | None:
    """Return the saturation point N* = T·(R₀ + Z)/S in users; None where threads never limit throughput.

    Above N* awaiting overtakes threads. Threads limit throughput where a request keeps its thread for longer than T
    requests compute: S > T·c.
    """
    if sync.thread <= threads * sync.processor or not sync.thread:
        return None
    return threads * (sync.response + think_s) / sync.thread


def _ms(seconds: float) -> str:
    milliseconds = seconds * 1000
    return f"{milliseconds:.3g} ms" if milliseconds < 1000 else f"{milliseconds:,.0f} ms"
