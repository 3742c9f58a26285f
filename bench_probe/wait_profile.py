"""Tells where requests wait: a thread looks 25 times a second at the tasks and threads of the requests in flight.

For each it notes the site: the innermost line of the application's own code and the innermost call below it. It knows
no library. A site at which requests wait for something that other requests hold is a place; for each place it also
notes the sites of those that hold it. Times are seconds of requests: two requests that stand at a site for a second
make two.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any, Final

from bench_probe.accounts import RequestAccounts
from bench_probe.application import PROBE, Application, call_of, line_of, source_of
from bench_probe.flight import Flight, Hop
from bench_probe.places import Places, counted, waits_for_turn
from bench_probe.task_frames import children_of, frames_of, is_ready
from bench_probe.thread_frames import frames_by_thread
from bench_probe.wait_site import Leaf, State, WaitSite

PERIOD_S: Final = 0.04
MOST_LOOKED_AT: Final = 64
LARGEST_COST: Final = 0.05
"""The thread looks less often where a look takes a larger share of the time than this."""
MOST_LEAVES: Final = 16
SMOOTHING: Final = 0.2
MOST_LOOK_S: Final = 0.01

ACCOUNTS: Final = str(Path(PROBE, "accounts.py"))
"""The file with the function through which each thread of a pool calls what a request handed to it."""

WATCHERS: Final = frozenset({"receive", "listen_for_disconnect", "response_sent"})
"""Functions in which a server or framework waits for the client to go away, which no answer waits for."""
PLUMBING: Final = ("socket.py", "ssl.py", "selectors.py", "selector_events.py", "client.py", "streams.py")
"""Files of the standard library below which a call is not worth a name."""


class WaitProfile:
    """Looks at the requests in flight from a thread of its own."""

    def __init__(self, accounts: RequestAccounts, loop: asyncio.AbstractEventLoop, application: Application) -> None:
        """Look at the requests of these accounts. Call this on the loop's thread."""
        self._accounts = accounts
        self._loop = loop
        self._loop_thread = threading.get_ident()
        self._application = application
        self._sites: Counter[WaitSite] = Counter()
        self._changed: set[WaitSite] = set()
        self._places = Places(application)
        self._random = random.Random(1)
        self.looks = 0
        self.seconds = 0.0
        self.cost_s = 0.0
        self.unseen = 0
        """Requests that could not be looked at, because they changed meanwhile."""

    @contextlib.contextmanager
    def looking(self) -> Iterator[None]:
        """Look while the block runs."""
        over = threading.Event()

        def look() -> None:
            last, period_s, usual_s = time.monotonic(), PERIOD_S, 0.0
            # At random, because requests that move in step would show only one of their steps.
            while not over.wait(period_s * self._random.uniform(0.5, 1.5)):
                now, computed = time.monotonic(), time.thread_time()
                self._look(now - last)
                last, cost_s = now, time.thread_time() - computed
                self.cost_s += cost_s
                # A single look may cost much more, because it pays for a garbage collection of the whole process.
                usual_s += SMOOTHING * (min(cost_s, MOST_LOOK_S) - usual_s)
                period_s = max(PERIOD_S, usual_s / LARGEST_COST)

        looker = threading.Thread(target=look, name="bench-probe-waits", daemon=True)
        looker.start()
        try:
            yield
        finally:
            over.set()
            looker.join()

    def totals(self) -> dict[str, Any]:
        """Return the times so far, and the seconds of each site that has changed since the last call.

        A server with many routes has hundreds of sites. To tell all of them each time would cost more than to look.
        """
        return {
            "looks": self.looks,
            "seconds": self.seconds,
            "cost_s": self.cost_s,
            "unseen": self.unseen,
            "sites": self._changed_sites(),
            "places": self._places.totals(),
        }

    def _changed_sites(self) -> list[dict[str, Any]]:
        changed, self._changed = self._changed, set()
        return counted(Counter({site: self._sites[site] for site in tuple(changed)}), len(changed))

    def _look(self, seconds: float) -> None:
        """Note where each request in flight stands, for the time since the last look."""
        self.looks += 1
        self.seconds += seconds
        flying = [each for each in tuple(self._accounts.flights) if not each.answered_ns]
        chosen = flying if len(flying) <= MOST_LOOKED_AT else self._random.sample(flying, MOST_LOOKED_AT)
        stacks = frames_by_thread()
        try:
            running = asyncio.current_task(self._loop)
        except RuntimeError:
            running = None
        standing: list[tuple[Flight, list[Leaf]]] = []
        for flight in chosen:
            try:
                leaves = self._leaves(flight, stacks, running)
            except Exception:  # it changed while it was looked at, or is of a kind that nobody has seen yet
                self.unseen += 1
                continue
            if leaves:
                standing.append((flight, leaves))
        if not standing:
            return
        weight = seconds * len(flying) / len(standing)
        for _, leaves in standing:
            for leaf in leaves:
                self._changed.add(leaf.site)
                self._sites[leaf.site] += weight / len(leaves)  # type: ignore[assignment]  # a Counter of seconds
        with contextlib.suppress(Exception):  # see above
            self._places.look(standing, seconds, weight)

    def _leaves(self, flight: Flight, stacks: dict[int, FrameType], running: asyncio.Task[Any] | None) -> list[Leaf]:
        route = flight.route
        found: list[Leaf] = []
        task = flight.task
        if task is None:
            return []
        self._descend(task, flight, route, stacks, running, found, set())
        own = [leaf for leaf in found if leaf.site.own]
        return own or [leaf for leaf in found if leaf.site.function not in WATCHERS] or found[:1]

    def _descend(
        self,
        task: asyncio.Task[Any],
        flight: Flight,
        route: str,
        stacks: dict[int, FrameType],
        running: asyncio.Task[Any] | None,
        found: list[Leaf],
        seen: set[int],
    ) -> None:
        """Add the leaves below a task: its own, or those of the tasks and threads that it waits for."""
        if id(task) in seen or len(found) >= MOST_LEAVES:
            return
        seen.add(id(task))
        if task is running and (innermost := stacks.get(self._loop_thread)) is not None:
            found.append(self._leaf(_thread_frames(innermost), route, "running", ""))
            return
        frames, awaited = frames_of(task)
        if is_ready(task):
            found.append(self._leaf(frames, route, "loop", ""))
            return
        below: list[Leaf] = []
        for child in children_of(task, frames, awaited) if flight.tasks else ():
            self._descend(child, flight, route, stacks, running, below, seen)
        for hop in [each for each in tuple(flight.hops) if each.task is task and not each.ended_ns]:
            below.append(self._hop_leaf(hop, frames, route, stacks))
        below = [leaf for leaf in below if not _watches(leaf)]
        own = [leaf for leaf in below if leaf.site.own]
        if own:
            found += own
        else:
            state: State = "place" if waits_for_turn(frames, in_thread=False) else "await"
            mine = self._leaf(frames, route, state, "")
            # Without a line of its own, the children say more than a framework's wait for them.
            found += [mine] if mine.site.own or not below else below

    def _hop_leaf(self, hop: Hop, frames: list[FrameType], route: str, stacks: dict[int, FrameType]) -> Leaf:
        thread = hop.thread
        innermost = None if thread is None else stacks.get(thread)
        if innermost is None:
            leaf = self._leaf(frames, route, "queue", hop.pool, callee=hop.callee)
        else:
            below = _thread_frames(innermost)
            state: State = "place" if waits_for_turn(below, in_thread=True) else "thread"
            # A thread that runs a function of C, such as time.sleep, has no frame for it.
            callee = "" if below else hop.callee
            leaf = self._leaf([*frames, *below], route, state, hop.pool, callee=callee)
        leaf.callee = hop.callee
        return leaf

    def _leaf(self, frames: list[FrameType], route: str, state: State, pool: str, callee: str = "") -> Leaf:
        own = [frame for frame in frames if self._application.owns(frame.f_code.co_filename)]
        shown = [frame for frame in frames if not frame.f_code.co_filename.startswith(PROBE)]
        if not shown:
            return Leaf(WaitSite(route, state, pool, "", 0, "", "", callee, own=False), frames)
        place = own[-1] if own else shown[-1]
        call = next((each for each in reversed(shown) if not each.f_code.co_filename.endswith(PLUMBING)), shown[-1])
        file, line = place.f_code.co_filename, line_of(place)
        site = WaitSite(
            route=route,
            state=state,
            pool=pool,
            file=self._application.spelled(file) if own else Path(file).name,
            line=line,
            function=place.f_code.co_name,
            source=source_of(file, line),
            call=callee or call_of(call),
            own=bool(own),
            through=" < ".join(frame.f_code.co_name for frame in reversed(own[:-1])),
        )
        return Leaf(site, frames)


def _thread_frames(innermost: FrameType) -> list[FrameType]:
    """Return the frames of a thread, the outermost first, from the call that the hop made."""
    frames: list[FrameType] = []
    frame: FrameType | None = innermost
    while frame is not None and not (frame.f_code.co_filename == ACCOUNTS and frame.f_code.co_name == "timed"):
        frames.append(frame)
        frame = frame.f_back
    return frames[::-1]


def _watches(leaf: Leaf) -> bool:
    return not leaf.site.own and leaf.site.function in WATCHERS
