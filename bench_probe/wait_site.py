"""A site: the line of the application's own code at which a request spends time, and the call below it."""

from __future__ import annotations

from dataclasses import dataclass
from types import FrameType
from typing import Literal

State = Literal["running", "loop", "queue", "place", "thread", "await"]


@dataclass(frozen=True, slots=True)
class WaitSite:
    """A place in the code where requests of a route spend time.

    Attributes:
        route: the route of the requests.
        state: what they do there: they run on the loop, wait for the `loop` alone, wait in the `queue` of a pool of
            threads, wait at a `place` that others hold, are in a `thread`, or `await` anything else.
        pool: the pool of the thread, or the pool that they queue for; empty for a task on the loop.
        file, line, function, source: the application's own line; without one, the innermost line of other code.
        call: the innermost call, as `file:function`.
        own: whether the line is the application's own.
        through: the application's own functions on the way there, the innermost first, without the line's own.
    """

    route: str
    state: State
    pool: str
    file: str
    line: int
    function: str
    source: str
    call: str
    own: bool
    through: str = ""


@dataclass(slots=True)
class Leaf:
    """One task or thread that a request waits for: its site, and the frames that lead there, the outermost first."""

    site: WaitSite
    frames: list[FrameType]
    callee: str = ""
