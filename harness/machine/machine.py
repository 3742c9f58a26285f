"""A machine, as a record names it, and whether figures of two machines may stand beside each other."""

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
    """Read the form of the former schema, one text with commas."""
    if not isinstance(value, str):
        return value
    return () if value == "none" else tuple(value.split(", "))


@dataclass(frozen=True, slots=True)
class Machine:
    """What a reader has to know to believe a figure, or to repeat it; None for what the system does not tell.

    `cores` counts hardware threads, of which each physical core runs `threads_a_core` at a time. `cpu_quota` is that of
    the control group, as microseconds of CPU in a period. `open_files` is the hard limit for a process,
    `missing_signals` what the diagnosis would look at and this system does not tell. `gil` says whether this Python
    has one, `revision` is the project's commit, with `+changes` where the working tree differs from it.
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
        """Every fact but the packages, as text with its name."""
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
        """Return whether it is the same kind of machine, whatever is installed on it."""
        return all(getattr(self, fact) == getattr(other, fact) for fact in MUST_MATCH)


def differing(before: Machine, after: Machine) -> list[tuple[str, Any, Any]]:
    """Return (fact, before, after) for each fact that makes figures of the one no figures of the other."""
    pairs = [(fact.replace("_", " "), getattr(before, fact), getattr(after, fact)) for fact in MUST_MATCH]
    old, new = before.packages, after.packages
    pairs += [(package, old.get(package), new.get(package)) for package in dict.fromkeys([*old, *new])]
    return [(fact, was, now) for fact, was, now in pairs if was != now]


def _spelled(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return "n/a" if value is None else str(value)
