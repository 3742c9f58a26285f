"""Reads the facts of this machine that belong beside every figure."""

from __future__ import annotations

import contextlib
import os
import platform
import resource
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Final

import psutil

from harness.machine.machine import Machine
from harness.machine.placement import Placement, siblings_of

PROJECT: Final = Path(__file__).resolve().parent.parent.parent
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


def facts(placement: Placement) -> Machine:
    """Return the facts of this machine; `placement` says whether server and load have cores of their own.

    The operating system cannot answer that: a process that is bound to its cores sees no others.
    """
    return Machine(
        cpu=_cpu_model(),
        cores=psutil.cpu_count(logical=True),
        threads_a_core=_threads_a_core(),
        cpu_quota=_cpu_quota(),
        open_files=resource.getrlimit(resource.RLIMIT_NOFILE)[1],
        memory_gib=round(psutil.virtual_memory().total / 2**30, 1),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        governor=_read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        missing_signals=tuple(_missing_signals(placement)),
        virtualised="hypervisor" in (_read("/proc/cpuinfo") or ""),
        load_average=tuple(round(load, 2) for load in os.getloadavg()),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        gil=getattr(sys, "_is_gil_enabled", lambda: True)(),
        packages=dict(_versions()),
        revision=_revision(),
    )


def _versions() -> Iterator[tuple[str, str]]:
    for name in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            yield name, metadata.version(name)


def _missing_signals(placement: Placement) -> Iterator[str]:
    """Yield the name of each signal that the diagnosis reads and this system does not provide."""
    for path, signal in (
        ("/proc/self/stat", "processes from outside"),
        ("/proc/self/schedstat", "delay in the run queue"),
        ("/proc/self/task", "event loop's thread"),
        ("/proc/stat", "steal"),
    ):
        if not Path(path).exists():
            yield signal
    if placement.shared:
        yield "server and load apart (one core)"


def _cpu_model() -> str:
    for line in (_read("/proc/cpuinfo") or "").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _threads_a_core() -> int | None:
    """Return 2 where the first core runs two threads at a time (SMT), 1 where it does not; None where it is unknown."""
    siblings = siblings_of(0)
    return None if siblings is None else len(siblings.replace("-", ",").split(","))


def _cpu_quota() -> str | None:
    """Return the CPU quota of this process's control group as `quota period` in microseconds; None without a quota."""
    quota = _read("/sys/fs/cgroup/cpu.max")
    if quota is None:  # version 1 of control groups has a file for each
        quota = f"{_read('/sys/fs/cgroup/cpu/cpu.cfs_quota_us')} {_read('/sys/fs/cgroup/cpu/cpu.cfs_period_us')}"
    return None if quota.startswith(("max", "-1", "None")) else quota


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return None


def _revision() -> str | None:
    """Return the project's commit, with `+changes` where the working tree differs from it; None outside git."""
    try:
        if Path(_git("rev-parse", "--show-toplevel")) != PROJECT:
            return None  # installed somewhere below another project's repository
        return _git("rev-parse", "--short=12", "HEAD") + ("+changes" if _git("status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(PROJECT), *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()
