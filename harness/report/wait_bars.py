"""The bars of a request's time: with one user and under load, side by side, each part with its line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from harness.causes.account import LatencyAccount
from harness.causes.wait_profile import SiteTime
from harness.judge.inquiry import Inquiry
from harness.record.telemetry import WaitSite

MOST_ROWS: Final = 6
NARROWEST: Final = 0.06
"""A part narrower than this share of its bar has no room for its number."""

HANDS_OVER: Final = "run_sync_in_worker_thread"
"""anyio's function in which a task waits for a thread to begin, or for the loop after the thread has ended."""

STATES: Final = {
    "running": "runs on the event loop",
    "loop": "waits for the event loop",
    "place": "waits for others",
    "thread": "in a thread",
    "await": "awaits",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One part of a request's time: its name, its line, and its seconds with one user and under load.

    `colour` is the number of its colour, `source` the text of its line; both bars show the part by its `number`.
    """

    number: int
    name: str
    source: str
    call: str
    alone_s: float
    loaded_s: float

    @property
    def grew_s(self) -> float:
        """How many seconds more the part takes under load: the queue."""
        return self.loaded_s - self.alone_s


@dataclass(frozen=True, slots=True)
class Segment:
    """A row's part of a bar: its share of the bar's length, and whether there is room for its number."""

    row: Row
    share: float

    @property
    def has_room(self) -> bool:
        return self.share >= NARROWEST


@dataclass(frozen=True, slots=True)
class Bars:
    """The two bars of a cell. The totals are the client's latency, in seconds, and the shares of it unaccounted for."""

    rows: tuple[Row, ...]
    alone: tuple[Segment, ...]
    loaded: tuple[Segment, ...]
    alone_s: float
    loaded_s: float
    residual: float
    looking: float
    not_watched: tuple[str, ...]


def bars_of(inquiry: Inquiry) -> Bars | None:
    """Return the bars of a cell; None where its requests were not profiled, or no account was kept."""
    scene, alone, loaded = inquiry.scene, inquiry.account_alone, inquiry.account
    if scene is None or alone is None or loaded is None or not scene.loaded.sites:
        return None
    before, after = _by_line(scene.alone.sites), _by_line(scene.loaded.sites)
    names = sorted({*before, *after}, key=lambda key: -max(after.get(key, _NONE)[1], before.get(key, _NONE)[1]))
    parts = [("before the application: loop and kernel", "", "", alone.before, loaded.before)]
    for key in names[:MOST_ROWS]:
        site = (after.get(key) or before[key])[0]
        assert site is not None
        parts.append((*_named(site), before.get(key, _NONE)[1], after.get(key, _NONE)[1]))
    rest = [(before.get(key, _NONE)[1], after.get(key, _NONE)[1]) for key in names[MOST_ROWS:]]
    parts.append(("elsewhere in the application", "", "", sum(b for b, _ in rest), sum(a for _, a in rest)))
    parts.append(("the way back to the client", "", "", alone.back, loaded.back))
    total_s = max(alone.latency, loaded.latency)
    shown = [part for part in parts if max(part[3], part[4]) >= total_s / 1000]
    rows = tuple(Row(number, *part) for number, part in enumerate(shown, start=1))
    return Bars(
        rows=rows,
        alone=_segments([(row, row.alone_s) for row in rows], alone),
        loaded=_segments([(row, row.loaded_s) for row in rows], loaded),
        alone_s=alone.latency,
        loaded_s=loaded.latency,
        residual=loaded.residual,
        looking=scene.loaded.looking,
        not_watched=scene.loaded.not_watched,
    )


_Key = tuple[str, str, int, str]
_NONE: Final[tuple[WaitSite | None, float]] = (None, 0.0)


def _by_line(times: tuple[SiteTime, ...]) -> dict[_Key, tuple[WaitSite | None, float]]:
    """Return the seconds at each line, whether in a thread or waiting there; other code counts by its call."""
    found: dict[_Key, tuple[WaitSite | None, float]] = {}
    for each in times:
        site = each.site
        key = (
            ("", site.file, site.line, site.call)
            if site.own
            else (site.state, site.pool, 0, "" if site.state in ("loop", "queue") else site.call)
        )
        earlier = found.get(key, _NONE)
        found[key] = earlier[0] or site, earlier[1] + each.seconds
    return found


def _named(site: WaitSite) -> tuple[str, str, str]:
    """Return a site's name, its source line and its innermost call."""
    if site.state == "queue":
        return f"waits for a thread: {site.pool}", "", ""
    if site.state == "loop":
        return STATES["loop"], "", ""
    if site.call.endswith(HANDS_OVER):
        return "is handed to a thread, or back from it", "", ""
    if not site.own:
        return f"{STATES[site.state]}, outside of the application's own code", "", site.call
    return f"{site}, in {site.function}", site.source, f"{STATES[site.state]}: {site.call}"


def _segments(rows: list[tuple[Row, float]], account: LatencyAccount) -> tuple[Segment, ...]:
    total = max(account.latency, sum(seconds for _, seconds in rows))
    return tuple(Segment(row, seconds / total) for row, seconds in rows if total > 0 and seconds > 0)
