"""The machine: what it is, which core each process gets, and the facts that belong beside every figure."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import psutil

MUST_MATCH: Final = (
    *("cpu", "cores", "threads_a_core", "cpu_quota", "memory_gib", "system", "governor"),
    *("virtualised", "python", "gil"),
)
PACKAGES: Final = (
    "fastapi",
    "starlette",
    "uvicorn",
    "uvloop",
    "httptools",
    "anyio",
    "pydantic",
    "asyncpg",
    "psycopg",
    "psycopg-pool",
    "aiohttp",
    "requests",
    "locust",
    "gevent",
)


@dataclass(frozen=True, slots=True)
class Placement:
    """The cores of each role; none for a role that is not of the run. `shared`: the server has no core to itself."""

    server: tuple[int, ...]
    load: tuple[int, ...]
    services: tuple[int, ...]
    shared: bool

    def __str__(self) -> str:
        if not self.server:
            return f"load on core {_listed(self.load)}; the server is not of this run"
        if self.shared:
            return f"core {self.server[0]}: server, load and services together"
        if self.load == self.services:
            return f"server on core {_listed(self.server)}; load, database and upstream on core {_listed(self.load)}"
        return (
            f"server on core {_listed(self.server)}; load on core {_listed(self.load)}; "
            f"database and upstream on core {_listed(self.services)}"
        )


def _listed(cores: tuple[int, ...]) -> str:
    return ", ".join(str(core) for core in cores)


def place(cores: list[int], load_processes: int = 1, workers: int = 1) -> Placement:
    """Spread the roles over the given cores, of which no two share a physical one.

    The server gets the first core for itself, and with several workers one for each of them while two are left over.
    Two cores: everything else is on the second. Three or more: the load has the next ones, one for each of its
    processes while one is left over for the services, which have the rest.
    """
    if len(cores) == 1:
        only = (cores[0],)
        return Placement(only, only, only, shared=True)
    if len(cores) == 2:
        return Placement((cores[0],), (cores[1],), (cores[1],), shared=False)
    first = max(1, min(workers, len(cores) - 2))
    end = min(first + load_processes, len(cores) - 1)
    return Placement(tuple(cores[:first]), tuple(cores[first:end]), tuple(cores[end:]), shared=False)


def usable_cores() -> list[int]:
    """The cores that this process may use, one for each physical core."""
    if not hasattr(os, "sched_getaffinity"):
        return list(range(psutil.cpu_count() or 1))
    chosen: list[int] = []
    taken: set[str] = set()
    for core in sorted(os.sched_getaffinity(0)):
        siblings = _read(f"/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list") or str(core)
        if siblings not in taken:
            taken.add(siblings)
            chosen.append(core)
    return chosen


def facts(project: Path) -> dict[str, Any]:
    """What a reader has to know of the machine and the versions to believe a figure, or to repeat it."""
    return {
        "cpu": _cpu_model(),
        "cores": psutil.cpu_count(logical=True),
        "threads_a_core": _threads_a_core(),
        "cpu_quota": _cpu_quota(),
        "open_files": resource.getrlimit(resource.RLIMIT_NOFILE)[1],
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "governor": _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "missing_signals": ", ".join(_missing_signals()) or "none",
        "virtualised": "hypervisor" in (_read("/proc/cpuinfo") or ""),
        "load_average": [round(load, 2) for load in os.getloadavg()],
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "gil": getattr(sys, "_is_gil_enabled", lambda: True)(),
        "packages": {name: metadata.version(name) for name in PACKAGES},
        "revision": _revision(project),
    }


def _missing_signals() -> Iterator[str]:
    """What the diagnosis would look at, and this system does not tell."""
    for path, signal in (
        ("/proc/self/stat", "processes from outside"),
        ("/proc/self/schedstat", "delay in the run queue"),
        ("/proc/self/task", "event loop's thread"),
        ("/proc/stat", "steal"),
    ):
        if not Path(path).exists():
            yield signal
    if len(usable_cores()) < 2:
        yield "server and load apart (one core)"


def differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """(fact, before, after) for each fact of two machines that makes figures of one no figures of the other."""
    pairs = [(fact.replace("_", " "), before.get(fact), after.get(fact)) for fact in MUST_MATCH]
    old, new = before.get("packages", {}), after.get("packages", {})
    pairs += [(package, old.get(package), new.get(package)) for package in dict.fromkeys([*old, *new])]
    return [(fact, was, now) for fact, was, now in pairs if was != now]


def _cpu_model() -> str:
    for line in (_read("/proc/cpuinfo") or "").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _threads_a_core() -> int | None:
    """2 where the first core runs two threads at a time (SMT), 1 where it does not."""
    siblings = _read("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list")
    return None if siblings is None else len(siblings.replace("-", ",").split(","))


def _cpu_quota() -> str | None:
    """The quota of the control group that this is in, as microseconds of CPU in a period; None for none."""
    quota = _read("/sys/fs/cgroup/cpu.max")
    if quota is None:  # version 1 has a file for each
        quota = f"{_read('/sys/fs/cgroup/cpu/cpu.cfs_quota_us')} {_read('/sys/fs/cgroup/cpu/cpu.cfs_period_us')}"
    return None if quota.startswith(("max", "-1", "None")) else quota


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return None


def _revision(project: Path) -> str | None:
    """The project's commit, with `+changes` where the working tree differs from it; None outside git."""
    try:
        revision = _git(project, "rev-parse", "--short=12", "HEAD")
        return revision + ("+changes" if _git(project, "status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(project: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(project), *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()
