"""What the server's probe recorded during a trial: read from its growing files, kept beside the trial's result.

Telemetry never decides whether a run continues. What is missing, late or cut off is left out, and then the cause stays
unknown.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bench_probe.telemetry import COLUMNS, Mode

NANOSECONDS: Final = "t_ns"

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
class Accounts:
    """What an instrumented server counted over `seconds`.

    `routes` maps each route to its totals, with the fields of `bench_probe.accounts.Account`. `samples` is the number
    of samples of the loop's stack. In `busy` of them a task held the loop.
    """

    seconds: float
    routes: dict[str, Totals]
    samples: int
    busy: int
    sites: tuple[Site, ...]


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
    before = {_key(place): place["samples"] for place in first["stacks"]["sites"]}
    sites = [place | {"samples": place["samples"] - before.get(_key(place), 0)} for place in last["stacks"]["sites"]]
    return Accounts(
        seconds=(last[NANOSECONDS] - first[NANOSECONDS]) / 1e9,
        routes={route: _less(account, first["accounts"].get(route, {})) for route, account in last["accounts"].items()},
        samples=last["stacks"]["samples"] - first["stacks"]["samples"],
        busy=last["stacks"]["busy"] - first["stacks"]["busy"],
        sites=tuple(Site(**place) for place in sites if place["samples"]),
    )


def _key(place: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(value for name, value in place.items() if name != "samples")


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
    )
