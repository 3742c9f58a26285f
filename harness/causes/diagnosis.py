"""Why a request takes longer under load than without: causes, each with its share of the queueing delay.

Each cause has a file with its rule. This module collects the charges of all rules and adds them up. The place where a
request waits shows the queue, but the cause of the queue may be elsewhere: a thread or a pooled connection that is
kept longer makes a queue, too. So the thread limit is charged only with the queue that would exist if requests kept
threads no longer than without load. The rest is charged to whatever keeps them longer: a slow neighbour, or a full
processor. The wait for the loop is divided among the causes that occupy the loop, by how long each occupies it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from harness.causes.cause import Cause, CauseRule, discover
from harness.causes.charge import BUSY_CORE, Charge, Contrast, FillsCore, Harms, Occupies, Queues, Slows
from harness.causes.symptoms import Holding, Spending, Symptoms

SLOWER_SHARE: Final = 0.25
SLOWER_S: Final = 0.001
"""Less queueing delay than this is no fault."""
UNEXPLAINED: Final = 0.25
OFTEN_OCCUPIED: Final = 0.5
"""A loop that is occupied for this share of the time is fully responsible for the wait for the loop."""
RUN_DELAY: Final = 0.10
SLOWER_NEIGHBOUR: Final = 1.25

ChargeKind = TypeVar("ChargeKind", Slows, Queues, Occupies, FillsCore, Harms)

LOOP: Final = ""
"""The loop's key among the names of causes. Its wait is divided among the causes that occupy it."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The causes of the queueing delay, the largest first; none for a cell without a fault.

    `queueing_s` is the queueing delay of a mean request in seconds, on top of an unloaded mean of `unloaded_s`.
    `unexplained` is the share of it that no rule explains. `unknown` says why there is no diagnosis at all. `at_least`
    says that the delay is longer: requests that were still under way when the trial ended are not in it.
    """

    causes: tuple[Cause, ...] = ()
    queueing_s: float = 0.0
    unloaded_s: float = 0.0
    unexplained: float = 0.0
    unknown: str | None = None
    at_least: bool = False

    @property
    def is_slower(self) -> bool:
        """Whether a request takes so much longer than unloaded that this is a fault."""
        return self.queueing_s >= max(SLOWER_S, SLOWER_SHARE * self.unloaded_s)

    @property
    def first(self) -> Cause | None:
        return self.causes[0] if self.causes else None


NO_TELEMETRY: Final = Diagnosis(unknown="no telemetry")
TOO_LITTLE: Final = Diagnosis(unknown="the server answered no request while it was profiled")


@dataclass(frozen=True, slots=True)
class Occupant:
    """A cause that occupies the loop, or the processor that the loop needs, for a share of the time."""

    name: str
    share: float
    holding: Holding | None


def diagnose(alone: Symptoms | None, loaded: Symptoms | None, expected_call_s: float | None = None) -> Diagnosis:
    """Return the causes of a variant's queueing delay.

    `alone` holds the symptoms with one user. `expected_call_s` is the declared duration of a call to the upstream
    service, in seconds: where even one user waits longer, the upstream service is slow.
    """
    if loaded is None or alone is None:
        return _stuck(loaded) or NO_TELEMETRY
    if loaded.spending is None or alone.spending is None:
        return _stuck(loaded) or TOO_LITTLE
    if (withheld := core_taken(loaded)) is not None:
        return Diagnosis(unknown=withheld)
    rules = discover()
    contrast = Contrast(_reference(alone.spending, expected_call_s), loaded.spending, loaded, alone)
    charges = {rule.name: tuple(rule.condition(contrast)) for rule in rules.values()}
    occupants = _occupants(charges, loaded)
    unloaded_s = contrast.unloaded.whole
    queueing_s = contrast.spent.whole - unloaded_s
    if not Diagnosis(queueing_s=queueing_s, unloaded_s=unloaded_s).is_slower:
        # This route's own requests hardly wait, but a route that holds the loop delays the requests of all others.
        holders = [(each.name, each.holding) for each in occupants if each.holding is not None]
        holders.sort(key=lambda named: -named[1].holds)
        harmful = tuple(Cause(name, None, holding) for name, holding in holders)
        return Diagnosis((*_harms(charges, foremost=True), *harmful), max(0.0, queueing_s), unloaded_s)
    found = _placed(_shared(_added(charges, contrast, occupants), occupants, contrast, queueing_s), charges)
    explained = sum(cause.share or 0.0 for cause in found)
    stuck = _stuck(loaded)
    causes = (
        *(stuck.causes if stuck else ()),
        *_harms(charges, foremost=True),
        *_ranked(found, rules),
        *_harms(charges, foremost=False),
    )
    return Diagnosis(causes, queueing_s, unloaded_s, max(0.0, 1 - explained))


def _harms(charges: Mapping[str, Sequence[Charge]], *, foremost: bool) -> tuple[Cause, ...]:
    return tuple(Cause(name, None) for name, each in _of_kind(charges, Harms) if each.foremost == foremost)


def _placed(causes: Sequence[Cause], charges: Mapping[str, Sequence[Charge]]) -> list[Cause]:
    """Return the causes, each with the place or the line at which the profile saw its requests wait longest."""
    limits = {
        name: queue.limit
        for name, queue in sorted(_of_kind(charges, Queues), key=lambda named: named[1].seconds)
        if queue.limit is not None
    }
    lines = {
        name: each.site
        for name, each in sorted(_of_kind(charges, Slows), key=lambda named: named[1].seconds)
        if each.site is not None
    }
    return [
        replace(cause, limit=limits.get(cause.name), waits_at=lines.get(cause.name)) if cause.holding is None else cause
        for cause in causes
    ]


def core_taken(loaded: Symptoms) -> str | None:
    """Return why there can be no diagnosis: other programs used the server's core; None if they did not."""
    if loaded.run_delay is None:
        return None
    # The server's own worker threads run on the same core; that is no fault of the machine.
    if loaded.run_delay - loaded.others_cpu > RUN_DELAY:
        return f"other programs used the server's core: the event loop waited {loaded.run_delay:.0%} of the time for it"
    return None


def _stuck(loaded: Symptoms | None) -> Diagnosis | None:
    """Return the causes that stopped the server completely; None if it answers."""
    if loaded is None:
        return None
    # The longest wait at a place shows the line; a deadlock has one.
    limit = next(iter(loaded.limits), None)
    causes = tuple(Cause(rule.name, 1.0, limit=limit) for rule in discover().values() if rule.standstill(loaded))
    return Diagnosis(causes, queueing_s=loaded.idle_s) if causes else None


def _reference(alone: Spending, expected_call_s: float | None) -> Spending:
    """Return what an unloaded request spends: one user, and an upstream service that is as fast as declared."""
    excess_s = alone.calling - alone.call_wait - (expected_call_s or 0.0) if alone.calling else 0.0
    if not expected_call_s or excess_s < (SLOWER_NEIGHBOUR - 1) * expected_call_s:
        return alone
    return replace(
        alone,
        whole=alone.whole - excess_s,
        calling=alone.calling - excess_s,
        served=alone.served - excess_s if alone.served > excess_s else alone.served,
    )


def _occupants(charges: Mapping[str, Sequence[Charge]], loaded: Symptoms) -> list[Occupant]:
    """Return which causes occupy the loop, or the processor that it needs, and for what share of the time."""
    found, computed = [], 0.0
    for name, each in _of_kind(charges, Occupies):
        found.append(Occupant(name, each.share, each.holding))
        computed += each.computes
    found += [Occupant(name, loaded.process_cpu - computed, None) for name, _ in _of_kind(charges, FillsCore)]
    return [occupant for occupant in found if occupant.share > 0]


def _of_kind(charges: Mapping[str, Sequence[Charge]], kind: type[ChargeKind]) -> list[tuple[str, ChargeKind]]:
    return [(name, charge) for name, each in charges.items() for charge in each if isinstance(charge, kind)]


def _added(
    charges: Mapping[str, Sequence[Charge]], contrast: Contrast, occupants: Sequence[Occupant]
) -> dict[str, float]:
    """Return the seconds that each cause adds to a request; `LOOP` holds the seconds of the wait for the loop."""
    seconds: dict[str, float] = {}

    def charge(added_s: float, weights: Mapping[str, float]) -> None:
        total = sum(weights.values())
        for name, weight in weights.items():
            if total > 0:
                seconds[name] = seconds.get(name, 0.0) + added_s * weight / total

    slower = _of_kind(charges, Slows)
    occupied = sum(occupant.share for occupant in occupants)
    if contrast.loaded.process_cpu >= BUSY_CORE or occupied >= OFTEN_OCCUPIED:
        # A neighbour's answer seems late because it waits in the kernel until the loop has time to read it.
        neighbours = {LOOP: sum(each.seconds for _, each in slower)}
    else:
        neighbours = {}
        for name, each in slower:
            neighbours[name] = neighbours.get(name, 0.0) + each.seconds * each.own
    charge(sum(neighbours.values()), neighbours)
    queues = _of_kind(charges, Queues)
    # Charge what a request waits for inside a place before the queue for that place.
    for name, queue in sorted(queues, key=lambda named: named[1].rest == "inside"):
        charge(queue.seconds * queue.own, {name: 1.0})
        keepers: Mapping[str, float] = {LOOP: 1.0}
        if queue.rest == "nobody":
            continue
        if queue.rest == "neighbours" and sum(neighbours.values()) > 0:
            keepers = neighbours
        elif queue.rest == "inside":
            inside = {each: added_s for each, added_s in seconds.items() if each != name}
            missing_s = max(0.0, queue.kept_longer_s - sum(inside.values()))
            inside[LOOP] = inside.get(LOOP, 0.0) + missing_s
            keepers = inside if sum(inside.values()) > 0 else keepers
        charge(queue.seconds * (1 - queue.own), keepers)
    accounted_s = sum(queue.seconds for _, queue in queues) + sum(each.seconds for _, each in slower)
    charge(max(0.0, contrast.spent.whole - contrast.unloaded.whole - accounted_s), {LOOP: 1.0})
    return seconds


def _shared(
    added_s: Mapping[str, float], occupants: Sequence[Occupant], contrast: Contrast, queueing_s: float
) -> list[Cause]:
    """Return each cause with its share of the queueing delay; divide the wait for the loop among the occupants."""
    found = {(name, ""): Cause(name, seconds / queueing_s) for name, seconds in added_s.items() if name != LOOP}
    waited_s = added_s.get(LOOP, 0.0)
    total = sum(occupant.share for occupant in occupants)
    stalled_s = contrast.loaded.lag_s * (1 + contrast.spent.steps)
    charged = waited_s / queueing_s * _kept_by_occupants(total, stalled_s, waited_s)
    for occupant in occupants:
        key = occupant.name, occupant.holding.route if occupant.holding else ""
        earlier = found[key].share or 0.0 if key in found else 0.0
        found[key] = Cause(occupant.name, earlier + charged * occupant.share / total, occupant.holding)
    return list(found.values())


def _kept_by_occupants(occupied: float, stalled_s: float, waited_s: float) -> float:
    """Return the share of the wait for the loop that the occupants are responsible for.

    A loop that is mostly idle delays a request only by its stalls, at each of the request's steps.
    """
    by_stalls = min(1.0, stalled_s / waited_s) if waited_s > 0 else 1.0
    return max(min(1.0, occupied / OFTEN_OCCUPIED), by_stalls)


def _ranked(found: Sequence[Cause], rules: Mapping[str, CauseRule]) -> tuple[Cause, ...]:
    """Return the causes that are worth a sentence, the largest share first.

    Parts that were measured separately may add up to more than the whole; they are scaled down to it.
    """
    scale = max(1.0, sum(cause.share or 0.0 for cause in found))
    scaled = [replace(cause, share=(cause.share or 0.0) / scale) for cause in found]
    worth = [cause for cause in scaled if (cause.share or 0.0) >= rules[cause.name].least_share]
    return tuple(sorted(worth, key=lambda cause: -(cause.share or 0.0)))
