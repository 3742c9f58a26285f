"""Who used the machine within the window: CPU time by role, and the busy share of each core."""

from __future__ import annotations

import contextlib
from typing import Any

import psutil


class Usage:
    """CPU time spent by the watched processes, by this one ("load"), and by each core of the machine.

    Each watched process counts with the children that it had when this was made: to look for them takes milliseconds,
    which would be charged to the requests in flight. `cpu_s` and `core_busy` hold what was spent between `start` and
    `stop`.
    """

    def __init__(self, watch: dict[str, int]) -> None:
        self._families = {"load": [psutil.Process()]}
        for role, pid in watch.items():
            with contextlib.suppress(psutil.NoSuchProcess):
                process = psutil.Process(pid)
                self._families[role] = [process, *process.children(recursive=True)]
        self.cpu_s: dict[str, float] = {}
        self.core_busy: tuple[float, ...] = ()

    def start(self) -> None:
        self._cores = psutil.cpu_times(percpu=True)
        self._before = self._read()

    def stop(self) -> None:
        after = self._read()
        self.cpu_s = {role: round(after[role] - self._before[role], 6) for role in after if role in self._before}
        self.core_busy = tuple(
            round(_busy_share(before, now), 4)
            for before, now in zip(self._cores, psutil.cpu_times(percpu=True), strict=True)
        )

    def _read(self) -> dict[str, float]:
        seconds = {}
        for role, family in self._families.items():
            with contextlib.suppress(psutil.NoSuchProcess):
                seconds[role] = sum(times.user + times.system for times in (member.cpu_times() for member in family))
        return seconds


def _busy_share(before: Any, after: Any) -> float:
    """The busy share between two readings of a core; which fields psutil gives depends on the system."""
    spent = {name: getattr(after, name) - getattr(before, name) for name in after._fields}
    # guest time is counted within user time as well
    total = sum(value for name, value in spent.items() if not name.startswith("guest"))
    idle = spent["idle"] + spent.get("iowait", 0.0)
    return 1 - idle / total if total > 0 else 0.0
