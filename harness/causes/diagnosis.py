"""Why a request takes longer under load than alone: causes, each with its share of the added time, by rules.

Two figures decide. Where a request waits says where the queue is; the queue's own cause is whatever makes its servers
slow. So a wait for a thread, or for a pooled connection, is charged to that limit only as far as each is kept no longer
than alone, and the rest to what prolongs it: a slow neighbour, or a processor that is full. What stands before the loop
is charged to those that occupy it, by the time that each has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from harness.causes.symptoms import Holding, Spending, Symptoms

Name = Literal[
    "loop blocked",
    "loop computing",
    "serialisation",
    "CPU",
    "thread limit",
    "threads hold the GIL",
    "database pool",
    "database",
    "outbound limit",
    "upstream",
    "garbage collection",
    "deadlock",
]

SLOWER_SHARE: Final = 0.25
SLOWER_S: Final = 0.001
"""Less added time than this is no fault."""
CAUSE_SHARE: Final = 0.10
"""A cause of less than this share of the added time is not worth a sentence."""
UNEXPLAINED: Final = 0.25
SELDOM: Final = 0.05
CROWDED: Final = 0.5
HELD_SHARE: Final = 0.05
WAITS_SHARE: Final = 0.10
CERTAIN: Final = 0.5
FULL_CORE: Final = 0.85
THREADS_COMPUTE: Final = 0.7
STARVED_S: Final = 0.002
COLLECTING_SHARE: Final = 0.05
DEADLOCK_S: Final = 2.0
DEADLOCK_FULL: Final = 0.9
RUN_DELAY: Final = 0.10
SLOWER_NEIGHBOUR: Final = 1.25


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause: its share of the added time, 0 to 1, and what bears it out.

    The share is None where it adds nothing to its own requests, but holds the loop that others need. `holding` is who
    holds the loop, where somebody does.
    """

    name: Name
    share: float | None
    holding: Holding | None = None


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The causes of what load added to a request, the largest first; none for a cell without a fault.

    `queueing_s` is the added time in seconds a request, against an unloaded mean of `unloaded_s`; `unexplained` is the
    share that no rule accounts for. `unknown` says why nothing can be said at all.
    """

    causes: tuple[Cause, ...] = ()
    queueing_s: float = 0.0
    unloaded_s: float = 0.0
    unexplained: float = 0.0
    unknown: str | None = None

    @property
    def first(self) -> Cause | None:
        return self.causes[0] if self.causes else None


NO_TELEMETRY: Final = Diagnosis(unknown="no telemetry")
TOO_LITTLE: Final = Diagnosis(unknown="nothing was answered while it was diagnosed")


def diagnose(alone: Symptoms | None, loaded: Symptoms | None, expected_call_s: float | None = None) -> Diagnosis:
    """The causes of what the load added to the requests of a variant.

    `alone` is of one user; `expected_call_s` is what a call to the upstream service is declared to take, in seconds:
    where even one user waits longer, the upstream service is slow.
    """
    if loaded is None or alone is None:
        return _stuck(loaded) or NO_TELEMETRY
    if loaded.spending is None or alone.spending is None:
        return _stuck(loaded) or TOO_LITTLE
    if (withheld := _withheld(loaded)) is not None:
        return Diagnosis(unknown=withheld)
    found: dict[tuple[Name, str], Cause] = {}
    blockers = _blockers(loaded)
    reference = _reference(alone.spending, expected_call_s)
    queueing_s = loaded.spending.whole - reference.whole
    if queueing_s < max(SLOWER_S, SLOWER_SHARE * reference.whole):
        # It does not wait for itself, but others do.
        harmful = [
            Cause(name, None, holding) for name, holding, _ in _occupants(loaded, blockers) if holding is not None
        ]
        return Diagnosis(tuple(harmful), max(0.0, queueing_s), reference.whole)
    weights = _weights(reference, loaded.spending, alone, loaded)
    for name, seconds in weights.items():
        if name == "loop":
            continue
        found[name, ""] = Cause(name, seconds / queueing_s)
    occupied = _occupants(loaded, blockers)
    before_loop = weights.get("loop", 0.0) / queueing_s
    total = sum(share for _, _, share in occupied)
    kept = _kept_by_occupants(total, loaded.lag_s * (1 + loaded.spending.steps), weights.get("loop", 0.0))
    for name, holding, share in occupied:
        key = (name, holding.route if holding else "")
        charged = before_loop * kept * share / total
        earlier = found[key].share or 0.0 if key in found else 0.0
        found[key] = Cause(name, earlier + charged, holding)
    for holding in blockers:
        found.setdefault(("loop blocked", holding.route), Cause("loop blocked", 0.0, holding))
    # Parts that were measured apart may add up to more than the whole.
    explained = sum(cause.share or 0.0 for cause in found.values())
    scale = max(1.0, explained)
    found = {key: replace(cause, share=(cause.share or 0.0) / scale) for key, cause in found.items()}
    worth = [cause for cause in found.values() if (cause.share or 0.0) >= CAUSE_SHARE or cause.name == "loop blocked"]
    causes = tuple(sorted(worth, key=lambda cause: -(cause.share or 0.0)))
    if (stuck := _stuck(loaded)) is not None:
        causes = (*stuck.causes, *causes)
    return Diagnosis(causes, queueing_s, reference.whole, max(0.0, 1 - explained))


def _kept_by_occupants(occupied: float, stalled_s: float, waited_s: float) -> float:
    """The share of the waiting for the loop that those who have it are to blame for.

    A loop that is mostly idle keeps nobody waiting, whoever has it, but for what its stalls cost at each step.
    """
    by_stalls = min(1.0, stalled_s / waited_s) if waited_s > 0 else 1.0
    return max(min(1.0, occupied / CERTAIN), by_stalls)


def _withheld(loaded: Symptoms) -> str | None:
    """Why the server's own figures are not its own: others on its core kept it waiting."""
    if loaded.run_delay is None:
        return None
    # Its own other threads are on the same core, and no fault of the machine.
    if loaded.run_delay - loaded.others_cpu > RUN_DELAY:
        return f"the event loop stood {loaded.run_delay:.0%} of the time in the run queue behind others"
    return None


def _stuck(loaded: Symptoms | None) -> Diagnosis | None:
    """Threads that wait for connections that are held by requests that wait for threads."""
    if loaded is None or loaded.idle_s <= DEADLOCK_S:
        return None
    if min(loaded.tokens_full, loaded.pool_full) < DEADLOCK_FULL:
        return None
    return Diagnosis((Cause("deadlock", 1.0),), queueing_s=loaded.idle_s)


def _reference(alone: Spending, expected_call_s: float | None) -> Spending:
    """What a request spends where nothing is in its way: alone, with an upstream that takes what it declares."""
    excess_s = alone.calling - alone.call_wait - (expected_call_s or 0.0) if alone.calling else 0.0
    if not expected_call_s or excess_s < (SLOWER_NEIGHBOUR - 1) * expected_call_s:
        return alone
    return Spending(
        **{name: getattr(alone, name) for name in alone.__dataclass_fields__}
        | {"whole": alone.whole - excess_s, "calling": alone.calling - excess_s}
        | ({"served": alone.served - excess_s} if alone.served > excess_s else {})
    )


Weights = dict[Name | Literal["loop"], float]


def _weights(before: Spending, after: Spending, alone: Symptoms, loaded: Symptoms) -> Weights:
    """What each cause added to a request, in seconds; under "loop" what the loop's occupants share among them."""
    busy = loaded.process_cpu >= FULL_CORE

    def more(name: str) -> float:
        return float(max(0.0, getattr(after, name) - getattr(before, name)))

    calls = max(0.0, more("calling") - more("call_wait"))
    # A neighbour's answer is late for want of a processor here, or because the neighbour is slow.
    # And where hardly ever two of our requests are with it at a time, it is not us who make it slow.
    database = more("leased") + more("connecting")
    ours = loaded.throughput_rps * (after.leased + after.connecting) >= CROWDED
    slower: Weights = {"loop": database + calls} if busy else {"database": database * ours, "upstream": calls}
    weights: Weights = {}

    def charge(seconds: float, shares: Mapping[Name | Literal["loop"], float]) -> None:
        total = sum(shares.values())
        for name, share in shares.items():
            if total > 0:
                weights[name] = weights.get(name, 0.0) + seconds * share / total

    charge(sum(slower.values()), slower)
    # The pools: as far as a connection is kept no longer than alone, there are too few of them.
    for wait, kept, limit in (
        ("lease_wait", "leased", "database pool"),
        ("call_wait", "calling", "outbound limit"),
    ):
        own = _own_share(getattr(before, kept), getattr(after, kept))
        if limit == "database pool" and loaded.pool_full < SELDOM:
            own = 0.0
        charge(more(wait) * own, {limit: 1.0})  # type: ignore[dict-item]  # a Name, as the table above has them
        charge(more(wait) * (1 - own), slower if sum(slower.values()) > 0 else {"loop": 1.0})
    # The threads, likewise; what prolongs their work is what was charged above, and the loop that takes it back.
    if more("queued") and before.hops:
        token_before = (before.queued + before.served + before.returned) / before.hops
        # A hop also waits for its thread to wake: only where the tokens are all taken it waits for one of them.
        own = _own_share(token_before, loaded.token_s or token_before) if loaded.tokens_full >= SELDOM else 0.0
        charge(more("queued") * own, {"thread limit": 1.0})
        inflated = max(0.0, (loaded.token_s or 0.0) - token_before) * after.hops
        inner: Weights = dict(weights) if after.served > before.served else {}
        inner.pop("thread limit", None)
        known = sum(inner.values())
        rest = max(0.0, inflated - known)
        inner["loop"] = inner.get("loop", 0.0) + rest
        charge(more("queued") * (1 - own), inner if sum(inner.values()) > 0 else {"loop": 1.0})
    told = more("queued") + more("lease_wait") + more("call_wait") + database + calls
    rest = max(0.0, after.whole - before.whole - told)
    charge(rest, {"loop": 1.0})
    return weights


def _own_share(before: float, after: float) -> float:
    return min(1.0, before / after) if after > 0 and before > 0 else 1.0


def _blockers(loaded: Symptoms) -> tuple[Holding, ...]:
    """Who holds the loop while waiting: much of its holding is no computing, and its own lines are seen there."""
    return tuple(
        holding
        for holding in loaded.holdings
        if holding.holds >= HELD_SHARE
        and holding.waits >= WAITS_SHARE * holding.holds
        and holding.certainty >= CERTAIN * holding.holds / sum(each.holds for each in loaded.holdings)
        and holding.site is not None
        and not holding.site.serialising
    )


def _occupants(loaded: Symptoms, blockers: tuple[Holding, ...]) -> list[tuple[Name, Holding | None, float]]:
    """Who has the loop, or the processor that it needs, and for what share of the time."""
    found: list[tuple[Name, Holding | None, float]] = [("loop blocked", each, each.holds) for each in blockers]
    held_computing = sum(each.holds - each.waits for each in blockers)
    for holding in loaded.holdings:
        # A collection makes any step long; it is charged below.
        long = holding.long_computes - loaded.collecting
        if holding in blockers or long < HELD_SHARE:
            continue
        serialising = holding.site is not None and holding.site.serialising
        found.append(("serialisation" if serialising else "loop computing", holding, long))
        held_computing += long
    if loaded.collecting >= COLLECTING_SHARE:
        found.append(("garbage collection", None, loaded.collecting))
    if loaded.process_cpu >= FULL_CORE:
        threads = loaded.others_cpu >= THREADS_COMPUTE and loaded.lag_s >= STARVED_S
        if threads:
            found.append(("threads hold the GIL", None, loaded.others_cpu))
        rest = loaded.loop_cpu + (0.0 if threads else loaded.others_cpu) - held_computing - loaded.collecting
        if rest > 0:
            found.append(("CPU", None, rest))
    return found
