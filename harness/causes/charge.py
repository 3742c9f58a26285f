"""How a cause takes time from a request: the four forms in which a rule claims its part of the queueing delay.

A rule looks at a `Contrast` and yields charges. `diagnosis` adds the charges of all rules up: a charge says how much
time is at stake and which share of it is the cause's own, never what the other causes get.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from harness.causes.symptoms import Holding, Spending, Symptoms

FULL_CORE: Final = 0.85
"""A server process that uses this share of a core keeps its own requests waiting for the processor."""
SELDOM: Final = 0.05
"""A pool that is full in fewer of the samples than this is not what requests wait for."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """A request of one variant without load and under load, side by side.

    `unloaded` and `spent` say where the mean request spends its time, without load and under it; `loaded` holds
    everything else that the server showed under load.
    """

    unloaded: Spending
    spent: Spending
    loaded: Symptoms

    def grew(self, part: str) -> float:
        """Return by how many seconds a request spends longer on this part of `Spending` than without load."""
        return float(max(0.0, getattr(self.spent, part) - getattr(self.unloaded, part)))

    def own_share(self, part: str) -> float:
        """Return which share of a queue is due to too few places, if a request keeps a place for this part.

        It is all of the queue where a place is kept no longer than without load.
        """
        return own_share(getattr(self.unloaded, part), getattr(self.spent, part))


def own_share(before_s: float, after_s: float) -> float:
    """Return which share of a queue is due to too few places, if each is kept for so long without load and under it."""
    return min(1.0, before_s / after_s) if after_s > 0 and before_s > 0 else 1.0


@dataclass(frozen=True, slots=True)
class Slows:
    """A neighbour answers a request `seconds` later than without load.

    `own` is the share for which the neighbour itself is responsible; nobody is charged with the rest. Where the
    server's core is full, everything is charged to the loop: the answer was there and nobody had the time to read it.
    """

    seconds: float
    own: float = 1.0


@dataclass(frozen=True, slots=True)
class Queues:
    """Requests queue for one of a limited number of places, `seconds` longer than without load.

    `own` is the share that is due to too few places. `rest` names who keeps the places longer, and gets the rest:
    the `neighbours` that answer late; everything that was charged `inside` the place, plus the loop for what is still
    missing of `kept_longer_s`; the `loop`; or nobody.
    """

    seconds: float
    own: float
    rest: Literal["neighbours", "inside", "loop", "nobody"] = "neighbours"
    kept_longer_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Occupies:
    """The loop, or the processor that the loop needs, is occupied for `share` of the time.

    `computes` is the share of a core that goes into that. `holding` is the route that holds the loop, where one does.
    """

    share: float
    holding: Holding | None = None
    computes: float = 0.0


@dataclass(frozen=True, slots=True)
class FillsCore:
    """The server's core is full: the loop waits for what no other cause computes on it."""


Charge = Slows | Queues | Occupies | FillsCore
