"""The cores of each process: the server has one to itself where there are two or more."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True)
class Placement:
    """The cores of each role, empty for a role that is not part of the run.

    `shared` says that the server has no core to itself.
    """

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
    """Assign the roles to the given cores, of which no two may share a physical core.

    A single core is shared by all roles. With two cores, the server gets the first and everything else the second. With
    three or more, the server gets one for each of its workers as long as two are left over, the load gets one for each
    of its processes as long as one is left over, and the services get the rest.
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
    """Return the cores that this process may use, one for each physical core."""
    if not hasattr(os, "sched_getaffinity"):
        return list(range(psutil.cpu_count() or 1))
    chosen: list[int] = []
    taken: set[str] = set()
    for core in sorted(os.sched_getaffinity(0)):
        siblings = siblings_of(core) or str(core)
        if siblings not in taken:
            taken.add(siblings)
            chosen.append(core)
    return chosen


def siblings_of(core: int) -> str | None:
    """Return the hardware threads of this core's physical core as Linux lists them (`0,2` or `0-1`), or None."""
    try:
        return Path(f"/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list").read_text().strip()
    except OSError:
        return None


def find_place(load_processes: int = 1, workers: int = 1) -> Placement:
    """Return each role's cores on this machine."""
    return place(usable_cores(), load_processes, workers)


@contextlib.contextmanager
def taking_place(placement: Placement) -> Iterator[None]:
    """Keep this process on the services' cores, off the server's, inside the `with` block; then restore its cores."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    # Where the server is of somebody else, there are no services either.
    os.sched_setaffinity(0, placement.services or placement.load)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
