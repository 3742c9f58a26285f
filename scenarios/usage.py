"""Who used the machine within the window: CPU time by role, each core's busy share, and what was withheld from it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import psutil

CGROUPS: Final = Path("/sys/fs/cgroup")


class Usage:
    """CPU time spent by the watched processes, by this one ("load"), and by each core of the machine.

    Each watched process counts with the children that it had when this was made: to look for them takes milliseconds,
    which would be charged to the requests in flight. The attributes hold what was spent between `start` and `stop`.
    """

    def __init__(self, watch: dict[str, int]) -> None:
        self._families = {"load": [psutil.Process()]}
        for role, pid in watch.items():
            with contextlib.suppress(psutil.NoSuchProcess):
                process = psutil.Process(pid)
                self._families[role] = [process, *process.children(recursive=True)]
        self.cpu_s: dict[str, float] = {}
        self.core_busy: tuple[float, ...] = ()
        self.core_steal: tuple[float, ...] = ()
        self.throttled = 0
        self._quotas = list(_quotas())

    def start(self) -> None:
        self._throttled = self._stops()
        self._cores = psutil.cpu_times(percpu=True)
        self._before = self._read()

    def stop(self) -> None:
        after = self._read()
        self.cpu_s = {role: round(after[role] - self._before[role], 6) for role in after if role in self._before}
        shares = [_shares(*pair) for pair in zip(self._cores, psutil.cpu_times(percpu=True), strict=True)]
        self.core_busy = tuple(round(busy, 4) for busy, _ in shares)
        self.core_steal = tuple(round(steal, 4) for _, steal in shares)
        self.throttled = self._stops() - self._throttled

    def _stops(self) -> int:
        return sum(map(_stopped, self._quotas))

    def _read(self) -> dict[str, float]:
        seconds = {}
        for role, family in self._families.items():
            with contextlib.suppress(psutil.NoSuchProcess):
                seconds[role] = sum(times.user + times.system for times in (member.cpu_times() for member in family))
        return seconds


def _shares(before: Any, after: Any) -> tuple[float, float]:
    """(busy, stolen) as shares of the time between two readings of a core; psutil's fields depend on the system."""
    spent = {name: getattr(after, name) - getattr(before, name) for name in after._fields}
    # guest time is counted within user time as well
    total = sum(value for name, value in spent.items() if not name.startswith("guest"))
    if total <= 0:
        return 0.0, 0.0
    idle = spent["idle"] + spent.get("iowait", 0.0)
    return 1 - idle / total, spent.get("steal", 0.0) / total


def _quotas() -> Iterable[Path]:
    """The files that count how often this process's control groups, and those above them, were stopped."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers in ("", "cpu", "cpu,cpuacct", "cpuacct,cpu"):
            root = CGROUPS / controllers
            group = root / path.lstrip("/")
            # Within a container the path is the host's, and the group is mounted as the root.
            for place in (group, *group.parents):
                if (file := place / "cpu.stat").is_file():
                    yield file
                if place in (root, CGROUPS):
                    break


def _stopped(file: Path) -> int:
    with contextlib.suppress(OSError, ValueError):
        for line in file.read_text().splitlines():
            if line.startswith("nr_throttled "):
                return int(line.split()[1])
    return 0
