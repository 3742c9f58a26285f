"""What the server's probe recorded during a trial: read from its growing files, kept beside the trial's result.

Telemetry never decides whether a run continues. What is missing, late or cut off is left out, and then the cause stays
unknown.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bench_probe.telemetry import COLUMNS, Mode
from bench_probe.wait_site import State

NANOSECONDS: Final = "t_ns"

USERS_TASKS: Final = 3
"""Tasks that a request in flight may have: its own, and those of middleware and of a streamed answer."""
VICTIMS_TASKS: Final = 60
"""Tasks that the victims may have: they send 60 requests a second, and wait where the loop is blocked."""

Totals = dict[str, int]


@dataclass(frozen=True, slots=True)
class Site:
    """A line that held the event loop in so many `samples` of the loop's stack.

    See `bench_probe.loop_stacks.Site`.
    """

    route: str
    file: str
    line: int
    function: str
    source: str
    call: str
    serialising: bool
    samples: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class WaitSite:
    """A line at which requests spent `seconds` altogether. See `bench_probe.wait_site.WaitSite`."""

    route: str
    state: State
    pool: str
    file: str
    line: int
    function: str
    source: str
    call: str
    own: bool
    through: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Place:
    """A place at which requests waited for what other requests held. See `bench_probe.places.Place`."""

    site: WaitSite
    library: str
    contended: float
    waiting: float
    holding: float
    inside: float
    used: float
    queued: float
    holders: tuple[WaitSite, ...]


@dataclass(frozen=True, slots=True)
class Waits:
    """Where requests spent time in the `seconds` of the window, and what it cost to look, in CPU seconds.

    `unseen` requests could not be looked at.
    """

    seconds: float
    looks: int
    cost_s: float
    unseen: int
    sites: tuple[WaitSite, ...]
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Callee:
    """A function that threads ran for a route, how often, and the time and CPU time of all its calls (ns)."""

    route: str
    callee: str
    hops: int
    served: int
    computing: int


@dataclass(frozen=True, slots=True)
class PoolUse:
    """How a route used a pool of `size` threads. See `bench_probe.accounts.PoolUse`."""

    route: str
    pool: str
    size: int
    hops: int
    queued: int
    served: int
    computing: int


@dataclass(frozen=True, slots=True)
class Accounts:
    """What an instrumented server counted over `seconds`.

    `routes` maps each route to its totals, with the fields of `bench_probe.accounts.Account`. `samples` is the number
    of samples of the loop's stack. In `busy` of them a task held the loop. `left_behind` holds, for each route, how
    many answered requests still had work under way when the window opened and when it closed. `handlers` are the first
    lines of the routes' handlers. `gil` says whether this
    Python has a global interpreter lock.
    """

    seconds: float
    routes: dict[str, Totals]
    samples: int
    busy: int
    sites: tuple[Site, ...]
    callees: tuple[Callee, ...] = ()
    pools: tuple[PoolUse, ...] = ()
    left_behind: dict[str, tuple[int, int]] = field(default_factory=dict)
    waits: Waits | None = None
    handlers: tuple[Site, ...] = ()
    not_watched: dict[str, str] = field(default_factory=dict)
    gil: bool = True


@dataclass(frozen=True, slots=True)
class Readings:
    """The readings of one server process: each column of `bench_probe.telemetry.COLUMNS`, the oldest value first.

    Times are nanoseconds from the opening of the window, negative during the warm-up. The values of one reading have
    the same index in every column.
    """

    pid: int
    mode: Mode
    loop: str
    columns: dict[str, list[Any]] = field(repr=False)

    @property
    def times_ns(self) -> list[int]:
        return self.columns[NANOSECONDS]

    def within(self, start_ns: int, end_ns: int) -> dict[str, list[Any]]:
        """Return the columns, cut to the readings from `start_ns` to `end_ns`, both included."""
        chosen = [position for position, moment in enumerate(self.times_ns) if start_ns <= moment <= end_ns]
        return {name: [values[position] for position in chosen] for name, values in self.columns.items()}


@dataclass(frozen=True, slots=True)
class Telemetry:
    """All server processes of a trial, and the sum of the accounts of those that were instrumented."""

    processes: tuple[Readings, ...]
    accounts: Accounts | None = None

    def left_behind(self, window_s: float, users: int) -> int:
        """Return how many tasks the server gained in the window beyond one for each user; 0 where it gained fewer.

        A server has one task or a few for each request in flight. More and more of them work for requests that were
        answered. Half of the users may begin a request that takes several tasks while the window opens.
        """
        gained = 0
        for process in self.processes:
            seen = [each for each in process.within(0, int(window_s * 1e9)).get("tasks", []) if each is not None]
            gained += seen[-1] - seen[0] if len(seen) > 1 else 0
        return gained if gained > USERS_TASKS * users + VICTIMS_TASKS else 0


class Tail:
    """The growing files of one server's probe. Each `take` reads what they gained since the last one."""

    def __init__(self, prefix: Path) -> None:
        self._prefix = prefix
        self._files: dict[Path, _Stream] = {}

    @property
    def processes(self) -> int:
        """The number of processes that have begun to write."""
        return len(self._paths())

    def _paths(self) -> list[Path]:
        return sorted(self._prefix.parent.glob(f"{self._prefix.name}.*.jsonl"))

    def take(self, opened_ns: int, window_s: float) -> Telemetry | None:
        """Return the readings since the last call, and the accounts of the window; None where there are no readings.

        `opened_ns` is when the window opened, on the clock of the readings.
        """
        closed_ns = opened_ns + int(window_s * 1e9)
        for path in self._paths():
            if path not in self._files:
                self._files[path] = _Stream(path)
        processes, accounts = [], []
        for stream in self._files.values():
            rows, totals = stream.take()
            if rows:
                columns = {name: [row[place] for row in rows] for place, name in enumerate(COLUMNS)}
                columns[NANOSECONDS] = [moment - opened_ns for moment in columns[NANOSECONDS]]
                processes.append(Readings(stream.pid, stream.mode, stream.loop, columns))
            if (found := _accounts(totals, opened_ns, closed_ns)) is not None:
                accounts.append(found)
        return Telemetry(tuple(processes), _added(accounts) if accounts else None) if processes else None

    def remove(self) -> None:
        """Delete the files, because the records hold what was taken from them."""
        for path in self._paths():
            path.unlink(missing_ok=True)


class _Stream:
    """One file: its header, and the offset of its next line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._last: dict[str, Any] | None = None
        self._sites: dict[tuple[Any, ...], dict[str, Any]] = {}
        self.pid = 0
        self.mode: Mode = "measure"
        self.loop = ""

    def take(self) -> tuple[list[list[Any]], list[dict[str, Any]]]:
        """Return the new readings and totals without damaged lines; the last totals of the call before come first."""
        rows: list[list[Any]] = []
        totals = [self._last] if self._last is not None else []
        for line in self._lines():
            if isinstance(line, list) and len(line) == len(COLUMNS):
                rows.append(line)
            elif isinstance(line, dict) and "accounts" in line:
                # A line has only the sites that have changed since the one before.
                self._sites |= {_site_of(site): site for site in line["waits"]["sites"]}
                line["waits"]["sites"] = list(self._sites.values())
                totals.append(line)
            elif isinstance(line, dict) and "pid" in line:
                self.pid, self.loop = line["pid"], line["loop"]
                self.mode = "diagnose" if line["mode"] == "diagnose" else "measure"
        self._last = totals[-1] if totals else None
        return rows, totals

    def _lines(self) -> Iterator[Any]:
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                content = file.read()
        except OSError:
            return
        whole, newline, _ = content.rpartition(b"\n")
        self._offset += len(whole) + len(newline)
        for line in whole.splitlines():
            with contextlib.suppress(ValueError):
                yield json.loads(line)


def _accounts(totals: list[dict[str, Any]], opened_ns: int, closed_ns: int) -> Accounts | None:
    """Return the difference of the totals nearest to the window's ends; None where there are fewer than two."""
    if len(totals) < 2:
        return None
    first = min(totals, key=lambda total: abs(total[NANOSECONDS] - opened_ns))
    last = min(totals, key=lambda total: abs(total[NANOSECONDS] - closed_ns))
    if first is last:
        return None
    stacks, stacks_before = last["stacks"], first["stacks"]
    return Accounts(
        seconds=(last[NANOSECONDS] - first[NANOSECONDS]) / 1e9,
        routes={route: _less(account, first["accounts"].get(route, {})) for route, account in last["accounts"].items()},
        samples=stacks["samples"] - stacks_before["samples"],
        busy=stacks["busy"] - stacks_before["busy"],
        sites=tuple(Site(**each) for each in _gained(stacks["sites"], stacks_before["sites"], ("samples",))),
        callees=tuple(Callee(**each) for each in _gained(last["callees"], first["callees"], CALLEE_TOTALS)),
        pools=tuple(PoolUse(**each) for each in _gained(last["pools"], first["pools"], POOL_TOTALS)),
        left_behind={
            route: (first["left_behind"].get(route, 0), last["left_behind"].get(route, 0))
            for route in first["left_behind"].keys() | last["left_behind"].keys()
        },
        waits=_waits(last["waits"], first["waits"]),
        handlers=tuple(Site(**each, source="", call="", serialising=False, samples=0) for each in last["handlers"]),
        not_watched=last["not_watched"],
        gil=last["gil"],
    )


CALLEE_TOTALS: Final = ("hops", "served", "computing")
POOL_TOTALS: Final = ("hops", "queued", "served", "computing")
PLACE_TOTALS: Final = ("contended", "waiting", "holding", "inside", "used", "queued")


def _waits(after: dict[str, Any], before: dict[str, Any]) -> Waits:
    places = []
    earlier = {_place_of(each): each["holders"] for each in before["places"]}
    for each in _gained(after["places"], before["places"], PLACE_TOTALS, ignored=("holders",)):
        holders = _gained(each.pop("holders"), earlier.get(_place_of(each), ()), ("seconds",))
        own = {name: each.pop(name) for name in ("library", *PLACE_TOTALS)}
        site = WaitSite(**each, seconds=own["waiting"])
        places.append(Place(site, **own, holders=tuple(WaitSite(**holder) for holder in holders)))
    return Waits(
        seconds=after["seconds"] - before["seconds"],
        looks=after["looks"] - before["looks"],
        cost_s=after["cost_s"] - before["cost_s"],
        unseen=after["unseen"] - before["unseen"],
        sites=tuple(WaitSite(**each) for each in _gained(after["sites"], before["sites"], ("seconds",))),
        places=tuple(places),
    )


def _site_of(each: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(value for name, value in each.items() if name != "seconds")


def _place_of(each: Mapping[str, Any]) -> tuple[str, str, int]:
    return each["route"], each["file"], each["line"]


def _gained(
    after: Iterable[Mapping[str, Any]],
    before: Iterable[Mapping[str, Any]],
    totals: Sequence[str],
    ignored: Sequence[str] = (),
) -> Iterator[dict[str, Any]]:
    """Yield what each entry gained in its `totals`; the entry's other values, but those `ignored`, tell it apart."""

    def key(entry: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(value for name, value in entry.items() if name not in totals and name not in ignored)

    earlier = {key(entry): entry for entry in before}
    for entry in after:
        was = earlier.get(key(entry), {})
        gained = {name: entry[name] - was.get(name, 0) for name in totals}
        if any(value > 0 for value in gained.values()):
            yield dict(entry) | gained


def _less(after: Totals, before: Mapping[str, int]) -> Totals:
    return {name: value - before.get(name, 0) for name, value in after.items()}


def _added(parts: list[Accounts]) -> Accounts:
    """Add up the accounts of several processes as those of one server; its time is the longest of theirs."""
    routes: dict[str, Totals] = {}
    for part in parts:
        for route, account in part.routes.items():
            total = routes.setdefault(route, dict.fromkeys(account, 0))
            for name, value in account.items():
                total[name] += value
    return Accounts(
        seconds=max(part.seconds for part in parts),
        routes=routes,
        samples=sum(part.samples for part in parts),
        busy=sum(part.busy for part in parts),
        sites=tuple(place for part in parts for place in part.sites),
        callees=tuple(each for part in parts for each in part.callees),
        pools=tuple(each for part in parts for each in part.pools),
        left_behind={
            route: (
                sum(part.left_behind.get(route, (0, 0))[0] for part in parts),
                sum(part.left_behind.get(route, (0, 0))[1] for part in parts),
            )
            for part in parts
            for route in part.left_behind
        },
        waits=_added_waits([part.waits for part in parts if part.waits is not None]),
        handlers=parts[0].handlers,
        not_watched={name: reason for part in parts for name, reason in part.not_watched.items()},
        gil=all(part.gil for part in parts),
    )


def _added_waits(parts: list[Waits]) -> Waits | None:
    if not parts:
        return None
    return Waits(
        seconds=max(part.seconds for part in parts),
        looks=sum(part.looks for part in parts),
        cost_s=sum(part.cost_s for part in parts),
        unseen=sum(part.unseen for part in parts),
        sites=tuple(site for part in parts for site in part.sites),
        places=tuple(place for part in parts for place in part.places),
    )
