"""Where the mean request of a route spends its time, by site, and which places limit how many requests move on.

The profile of the server's probe counts seconds of requests. This module turns them into seconds of one request: a
site's share of the route's samples, times the mean time in the application, which the accounts know exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from harness.record.telemetry import Place, Waits, WaitSite

OFTEN_CONTENDED: Final = 0.2
"""A place at which requests wait in a smaller share of the time than this limits nothing."""
HELD: Final = 0.4
"""A place has holders if on average more requests than this hold what others wait for."""
ONE_HOLDER: Final = 1.5
"""Fewer holders than this at a time are one: a request that goes away is seen as a holder for a moment longer."""
MOSTLY: Final = 0.5

LimitKind = Literal["convoy", "own", "kept"]


@dataclass(frozen=True, slots=True)
class SiteTime:
    """How long the mean request of a route stands at a site, in seconds."""

    site: WaitSite
    seconds: float


@dataclass(frozen=True, slots=True)
class Limit:
    """A place that limits throughput to `capacity` / `held_s`: a request waits there for what `capacity` others hold.

    Times are seconds of one request. `held_s` is how long it keeps what it waited `waited_s` for. `kept_at` is where it
    stands for most of that time, `kept_s` of it. `kind` is `convoy` where one request holds it
    at a time, `kept` where most of the time it is not used, else `own`. `stuck` is the share of the holders that wait
    for a thread themselves.
    """

    kind: LimitKind
    place: Place
    capacity: float
    waited_s: float
    held_s: float
    kept_s: float
    kept_at: WaitSite | None
    stuck: float

    @property
    def bound_rps(self) -> float:
        """The highest throughput that the place allows, in requests a second."""
        return self.capacity / self.held_s if self.held_s else 0.0


def site_times(waits: Waits, route: str, inside_s: float) -> tuple[SiteTime, ...]:
    """Return how long a request of the route stands at each site, the longest first.

    `inside_s` is the mean time in the application. Waits for the loop are one entry, whatever line follows them, and so
    are the waits for a thread of each pool.
    """
    merged: dict[WaitSite, float] = {}
    for each in waits.sites:
        if each.route == route:
            key = _merged(each)
            merged[key] = merged.get(key, 0.0) + each.seconds
    total = sum(merged.values())
    found = [SiteTime(site, inside_s * seconds / total) for site, seconds in merged.items() if total > 0]
    return tuple(sorted(found, key=lambda each: -each.seconds))


def _merged(site: WaitSite) -> WaitSite:
    if site.state in ("loop", "queue"):
        named = site.call if site.state == "queue" and site.own else ""
        return WaitSite(site.route, site.state, site.pool, "", 0, "", "", named, own=False, through="", seconds=0.0)
    return replace(site, seconds=0.0)


def limits_of(waits: Waits, times: Iterable[SiteTime], route: str, throughput_rps: float) -> tuple[Limit, ...]:
    """Return the places at which requests of the route wait for what other requests hold, the longest wait first."""
    waited = _by_line(times)
    found = []
    for place in waits.places:
        site = place.site
        waited_s = waited.get((site.file, site.line), 0.0)
        if site.route != route or not waited_s or place.contended < OFTEN_CONTENDED * waits.seconds:
            continue
        capacity = place.inside / place.contended
        if capacity < HELD:
            # It was taken in a function that has returned. Who stands in other code than the application's own is on
            # its way out, unless it waits for a thread.
            holding = sum(each.seconds for each in place.holders if each.own or each.state == "queue")
            capacity = holding / place.contended
        if capacity < HELD:
            continue
        found.append(_limit(place, capacity, waited_s, throughput_rps))
    return tuple(sorted(found, key=lambda each: -each.waited_s))


def _by_line(times: Iterable[SiteTime]) -> Mapping[tuple[str, int], float]:
    waited: dict[tuple[str, int], float] = {}
    for each in times:
        if each.site.state == "place":
            key = each.site.file, each.site.line
            waited[key] = waited.get(key, 0.0) + each.seconds
    return waited


def _limit(place: Place, capacity: float, waited_s: float, throughput_rps: float) -> Limit:
    # Requests on their way out wait for the loop and for threads; that is not what they hold it for.
    standing: dict[tuple[str, int], float] = {}
    for each in place.holders:
        if each.state not in ("loop", "queue"):
            standing[each.file, each.line] = standing.get((each.file, each.line), 0.0) + each.seconds
    most = max(standing, key=standing.__getitem__, default=None)
    kept_at = next((each for each in place.holders if (each.file, each.line) == most), None)
    held_s = capacity / throughput_rps if throughput_rps else 0.0
    share = 1 / place.holding
    used = place.used * share
    kind: LimitKind = "own"
    if used < MOSTLY and place.queued * share < MOSTLY:
        kind = "kept"
    elif capacity < ONE_HOLDER:
        kind = "convoy"
    return Limit(
        kind=kind,
        place=place,
        capacity=capacity,
        waited_s=waited_s,
        held_s=held_s,
        kept_s=held_s * standing[most] * share if most is not None else 0.0,
        kept_at=kept_at,
        stuck=place.queued * share,
    )
