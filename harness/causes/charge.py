"""How a cause takes time from a request: the forms in which a rule claims its part of the queueing delay.

A rule reads a `Contrast` and yields charges. `diagnosis` adds up the charges of all rules. A charge says how much time
a request loses and which share of it is the cause's own. It never decides what the other causes get.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from harness.causes.symptoms import Holding, Spending, Symptoms
from harness.causes.wait_profile import Limit
from harness.record.telemetry import WaitSite

BUSY_CORE: Final = 0.80
"""From this share of a core on, requests queue for the server's process: at a load ρ a queue is ρ/(1 − ρ) long.

A core need not be full (0.90) for that. Of 64 recorded cases the limits 0.85 and 0.90 miss one at 0.83 of a core, which
0.75 to 0.83 diagnose rightly; no other case changes.
"""
SELDOM: Final = 0.05
"""Requests do not wait for a pool that is full in a smaller share of the samples than this."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """A request of one variant without load and under load, side by side.

    `unloaded` and `spent` say where the mean request spends its time, without load and under load. `loaded` holds
    everything else that was measured of the server under load, and `alone` without load.
    """

    unloaded: Spending
    spent: Spending
    loaded: Symptoms
    alone: Symptoms | None = None

    def grew(self, part: str) -> float:
        """Return how many more seconds a request spends on this part of `Spending` under load than without."""
        return float(max(0.0, getattr(self.spent, part) - getattr(self.unloaded, part)))

    def waits_longer(self, limit: Limit) -> float:
        """Return how many more seconds a request waits at this place under load than without."""
        line = limit.place.site.file, limit.place.site.line
        before = self.alone.sites if self.alone is not None else ()
        alone_s = sum(
            each.seconds for each in before if each.site.state == "place" and (each.site.file, each.site.line) == line
        )
        return max(0.0, limit.waited_s - alone_s)

    def own_share(self, part: str) -> float:
        """Return which share of a queue is due to too few places, if a request keeps a place for this part.

        It is all of the queue where a place is kept no longer than without load.
        """
        return own_share(getattr(self.unloaded, part), getattr(self.spent, part))


def own_share(before_s: float, after_s: float) -> float:
    """Return which share of a queue is due to too few places, by how long a request keeps one before and under load."""
    return min(1.0, before_s / after_s) if after_s > 0 and before_s > 0 else 1.0


@dataclass(frozen=True, slots=True)
class Slows:
    """A neighbour answers a request `seconds` later than without load.

    `own` is the share for which the neighbour itself is responsible; the rest is charged to no cause. Where the
    server's core is full, the loop is charged with all of it: the answer had arrived, but the server was too busy to
    read it. `site` is the line that waits for it, where only the profile knows it.
    """

    seconds: float
    own: float = 1.0
    site: WaitSite | None = None


@dataclass(frozen=True, slots=True)
class Queues:
    """Requests queue for one of a limited number of places, `seconds` longer than without load.

    `own` is the share that is due to too few places. `rest` names the causes that keep the places occupied for longer
    and are charged with the rest: the `neighbours` that answer late; everything that was charged `inside` the place,
    plus the loop for the part of `kept_longer_s` that is still missing; the `loop`; or `nobody`. `limit` is the place
    where the profile saw them wait, if it did.
    """

    seconds: float
    own: float
    rest: Literal["neighbours", "inside", "loop", "nobody"] = "neighbours"
    kept_longer_s: float = 0.0
    limit: Limit | None = None


@dataclass(frozen=True, slots=True)
class Occupies:
    """The loop, or the processor that the loop needs, is occupied for `share` of the time.

    `computes` is the share of a core that this uses. `holding` is the route that holds the loop, where one does.
    """

    share: float
    holding: Holding | None = None
    computes: float = 0.0


@dataclass(frozen=True, slots=True)
class FillsCore:
    """The server's core is full: the loop waits for what no other cause computes on it."""


@dataclass(frozen=True, slots=True)
class Harms:
    """A fault that delays no request by a time of its own. A `foremost` one makes all figures of the trial doubtful.

    The others are told only where requests take longer than without load.
    """

    foremost: bool = False


Charge = Slows | Queues | Occupies | FillsCore | Harms
