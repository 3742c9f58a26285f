"""The machine of a record, and whether figures of two machines can be compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, Final

from pydantic import BeforeValidator

MUST_MATCH: Final = (
    *("cpu", "cores", "threads_a_core", "cpu_quota", "memory_gib", "system", "governor"),
    *("virtualised", "python", "gil"),
)


def _split(value: object) -> object:
    """Split the text that schema 1 has here, with commas; leave any other value as it is."""
    if not isinstance(value, str):
        return value
    return () if value == "none" else tuple(value.split(", "))


@dataclass(frozen=True, slots=True)
class Machine:
    """The facts that a reader needs to believe a figure, or to repeat it; None for what the system does not provide.

    `cores` counts hardware threads; each physical core runs `threads_a_core` of them at a time. `cpu_quota` is the CPU
    quota of the control group, as `quota period` in microseconds. `open_files` is the hard limit of a process.
    `missing_signals` names what the diagnosis reads and this system does not provide. `gil` says whether this Python
    has a GIL. `revision` is the project's commit, with `+changes` where the working tree differs from it.
    """

    cpu: str
    cores: int | None
    python: str
    system: str = ""
    threads_a_core: int | None = None
    cpu_quota: str | None = None
    open_files: int | None = None
    memory_gib: float | None = None
    governor: str | None = None
    missing_signals: Annotated[tuple[str, ...], BeforeValidator(_split)] = ()
    virtualised: bool | None = None
    load_average: tuple[float, ...] = ()
    gil: bool = True
    packages: Mapping[str, str] = field(default_factory=dict)
    revision: str | None = None

    @property
    def shown(self) -> list[tuple[str, str]]:
        """Every fact but the packages, as pairs of its name and its value in text."""
        return [
            (each.name.replace("_", " "), _spelled(getattr(self, each.name)))
            for each in fields(self)
            if each.name != "packages"
        ]

    @property
    def in_short(self) -> str:
        """The processor, the number of cores and the Python, for a line below a figure."""
        return f"{self.cpu}, {self.cores} cores, {self.python}"

    def matches(self, other: Machine) -> bool:
        """Return whether `other` is the same kind of machine; the versions of packages do not matter."""
        return all(getattr(self, fact) == getattr(other, fact) for fact in MUST_MATCH)


def differing(before: Machine, after: Machine) -> list[tuple[str, Any, Any]]:
    """Return (fact, before, after) for each fact or package version that forbids comparing figures of the two."""
    pairs = [(fact.replace("_", " "), getattr(before, fact), getattr(after, fact)) for fact in MUST_MATCH]
    old, new = before.packages, after.packages
    pairs += [(package, old.get(package), new.get(package)) for package in dict.fromkeys([*old, *new])]
    return [(fact, was, now) for fact, was, now in pairs if was != now]


def _spelled(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return "n/a" if value is None else str(value)
