"""Which core each process gets: the server has one to itself where there are two."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil


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
        siblings = siblings_of(core) or str(core)
        if siblings not in taken:
            taken.add(siblings)
            chosen.append(core)
    return chosen


def siblings_of(core: int) -> str | None:
    """Return the hardware threads that share this core's physical core, as Linux lists them; None where it does not."""
    try:
        return Path(f"/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list").read_text().strip()
    except OSError:
        return None


def find_place(load_processes: int = 1, workers: int = 1) -> Placement:
    """Return each role's cores on this machine."""
    return place(usable_cores(), load_processes, workers)


@contextlib.contextmanager
def taking_place(placement: Placement) -> Iterator[None]:
    """Keep this process off the server's core for as long as the block lasts; then it may use what it could before."""
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
