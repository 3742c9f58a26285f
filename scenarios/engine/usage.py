"""The use of the machine during a trial: CPU time by role, the busy and stolen share of each core, CPU throttling."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from scenarios.wire.protocol import ProcessUsage

CGROUPS: Final = Path("/sys/fs/cgroup")
PROC: Final = Path("/proc")
TICKS: Final = os.sysconf("SC_CLK_TCK")
PAGE_MIB: Final = os.sysconf("SC_PAGE_SIZE") / 2**20


class Usage:
    """The CPU time of the watched processes, of this one (role "load"), and of each core of the machine.

    A process includes its children, and those that ended meanwhile, because PostgreSQL works in child processes. The
    two readings take milliseconds and would delay the requests in flight. So they happen just outside of the window,
    under the same load, and `stop` scales the amounts to the window's length. Without /proc only CPU time is known.

    Attributes:
        cpu_s: CPU time by role, in seconds.
        processes: the whole usage by role.
        core_busy: the busy share of each core, 0 to 1.
        core_steal: the share of each core that a hypervisor took, 0 to 1.
        throttled: how often a CPU quota stopped this process's control groups.
    """

    def __init__(self, watch: dict[str, int], loop_threads: Mapping[str, int] | None = None) -> None:
        self._loop_threads = loop_threads or {}
        self._pids = {"load": os.getpid()} | watch
        self.cpu_s: dict[str, float] = {}
        self.processes: dict[str, ProcessUsage] = {}
        self.core_busy: tuple[float, ...] = ()
        self.core_steal: tuple[float, ...] = ()
        self.throttled = 0
        self._quotas = list(_quotas())

    def start(self) -> None:
        """Take the reading before the window."""
        self._throttled = self._stops()
        self._cores = psutil.cpu_times(percpu=True)
        self._before = self._read()
        self._read_ns = time.monotonic_ns()

    def stop(self, window_s: float) -> None:
        """Take the reading after the window, and scale the differences to the window's length in seconds."""
        scale = window_s * 1e9 / max(1, time.monotonic_ns() - self._read_ns)
        after = self._read()
        for role in after.keys() & self._before.keys():
            used = after[role].since(self._before[role], scale)
            self.processes[role] = used
            self.cpu_s[role] = round(used.user_s + used.system_s, 6)
        shares = [_shares(*pair) for pair in zip(self._cores, psutil.cpu_times(percpu=True), strict=True)]
        self.core_busy = tuple(round(busy, 4) for busy, _ in shares)
        self.core_steal = tuple(round(steal, 4) for _, steal in shares)
        self.throttled = self._stops() - self._throttled

    def _stops(self) -> int:
        return sum(map(_stopped, self._quotas))

    def _read(self) -> dict[str, _Reading]:
        readings = {}
        for role, pid in self._pids.items():
            with contextlib.suppress(OSError, psutil.NoSuchProcess):
                loop_thread = self._loop_threads.get(role, pid)
                readings[role] = _family(pid, loop_thread) if PROC.is_dir() else _cpu_only(pid)
        return readings


@dataclass(frozen=True, slots=True)
class _Reading:
    """Totals of a process and its children since their start; current memory and threads. None: not available."""

    user_s: float
    system_s: float
    rss_mib: float | None = None
    threads: int | None = None
    run_delay_s: float | None = None
    switches: int | None = None
    preemptions: int | None = None

    def since(self, before: _Reading, scale: float) -> ProcessUsage:
        switches, preemptions = (
            _less(self.switches, before.switches, scale),
            _less(self.preemptions, before.preemptions, scale),
        )
        return ProcessUsage(
            user_s=round(scale * (self.user_s - before.user_s), 6),
            system_s=round(scale * (self.system_s - before.system_s), 6),
            rss_mib=self.rss_mib,
            threads=self.threads,
            run_delay_s=_less(self.run_delay_s, before.run_delay_s, scale),
            switches=None if switches is None else round(switches),
            preemptions=None if preemptions is None else round(preemptions),
        )


def _less(after: float | None, before: float | None, scale: float) -> float | None:
    # The count of a child that ended is missing from the later sum, which must not make the difference negative.
    return None if after is None or before is None else max(0.0, round(scale * (after - before), 6))


def _cpu_only(pid: int) -> _Reading:
    times = psutil.Process(pid).cpu_times()
    return _Reading(times.user, times.system)


def _family(pid: int, loop_thread: int) -> _Reading:
    """Return the sums over a process and all its descendants.

    Raises:
        OSError: the process has ended.
    """
    members = [_member(pid, loop_thread)]
    for child in _descendants(pid):
        with contextlib.suppress(OSError):
            members.append(_member(child, child))
    sums: list[Any] = [None if None in column else sum(column) for column in zip(*map(astuple, members), strict=True)]
    return _Reading(*sums)


def _descendants(pid: int) -> Iterator[int]:
    with contextlib.suppress(OSError):
        for child in map(int, (PROC / f"{pid}/task/{pid}/children").read_text().split()):
            yield child
            yield from _descendants(child)


def _member(pid: int, loop_thread: int) -> _Reading:
    """Return the reading of one process. Its CPU time includes that of its children that have ended.

    The delay in the run queue and the context switches are those of `loop_thread`, which runs a server's event loop.

    Raises:
        OSError: the process has ended.
    """
    # The name, in parentheses, may contain spaces. After it come the fields of proc(5) from the third on.
    fields = (PROC / f"{pid}/stat").read_text().rpartition(")")[2].split()
    user, system, children_user, children_system = (int(field) / TICKS for field in fields[11:15])
    delay_s = switches = preemptions = None
    with contextlib.suppress(OSError, ValueError, IndexError):
        delay_s = int((PROC / f"{pid}/task/{loop_thread}/schedstat").read_text().split()[1]) / 1e9
    with contextlib.suppress(OSError, ValueError, IndexError):
        *_, voluntary, involuntary = (PROC / f"{pid}/task/{loop_thread}/status").read_text().split("_ctxt_switches:")
        switches, preemptions = int(voluntary.split()[0]), int(involuntary.split()[0])
    return _Reading(
        user + children_user,
        system + children_system,
        round(int(fields[21]) * PAGE_MIB, 1),
        int(fields[17]),
        delay_s,
        switches,
        preemptions,
    )


def _shares(before: Any, after: Any) -> tuple[float, float]:
    """Return (busy, stolen) as shares, 0 to 1, of the time between two readings of a core."""
    # The fields that psutil has depend on the system.
    spent = {name: getattr(after, name) - getattr(before, name) for name in after._fields}
    # User time already contains guest time.
    total = sum(value for name, value in spent.items() if not name.startswith("guest"))
    if total <= 0:
        return 0.0, 0.0
    idle = spent["idle"] + spent.get("iowait", 0.0)
    return 1 - idle / total, spent.get("steal", 0.0) / total


def _quotas() -> Iterable[Path]:
    """Yield the files that count how often a CPU quota stopped this process's control groups and those above them."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers in ("", "cpu", "cpu,cpuacct", "cpuacct,cpu"):
            root = CGROUPS / controllers
            group = root / path.lstrip("/")
            # In a container the path may be that of the host, while the group itself is mounted as the root.
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
