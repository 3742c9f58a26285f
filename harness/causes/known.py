"""Cells whose cause is known beforehand, the faultless ones among them, and how often the diagnosis agrees.

Pure: what each variant must be found to suffer from at a low and at a high level, and the table of what was found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bench_app.workload import Package, Variant, Workload
from harness.plan.level import Level

LOW: Final = Level(8, "open", 20.0)
HIGH: Final = Level(64)
FEW: Final = Level(8)
MANY: Final = Level(128)
"""What waits for most of its time, and costs little, fills a core only with more users than the others need."""
FAULTLESS: Final = "none"

Expected = tuple[str | None, ...]
"""What may come first, None for no cause at all. More than one where the rules cannot tell them apart on one core."""

BUSY: Final[Expected] = ("CPU", "threads hold the GIL")
OVERLOADED: Final[Expected] = ("CPU", "threads hold the GIL", "database")
QUIET: Final[Expected] = (None,)
BLOCKED: Final[Expected] = ("loop blocked",)

AT_HIGH: Final[Mapping[str, Expected]] = {
    "database/async": BUSY,
    "database/async_connect_each": OVERLOADED,
    "database/blocking": BLOCKED,
    "database/sync": BUSY,
    "database/sync_connect_each": OVERLOADED,
    "external/async": BUSY,
    "external/async_session_each": BUSY,
    "external/blocking": BLOCKED,
    "external/sync": BUSY,
    "external/sync_session_each": BUSY,
    "file/async": BUSY,
    "file/blocking": BUSY,
    "file/sync": BUSY,
    "item/async": BUSY,
    "item/sync": BUSY,
    "root/async": BUSY,
    "root/sync": BUSY,
    "sleep/async": QUIET,
    "sleep/blocking": BLOCKED,
    "sleep/offload": ("thread limit",),
    "sleep/sync": ("thread limit",),
    "compute/async": ("loop computing",),
    "compute/sync": ("threads hold the GIL",),
    "deadlock/sync": ("deadlock",),
    "garbage/async": ("garbage collection",),
    "hidden/depended": BLOCKED,
    "hidden/gathered": BLOCKED,
    "locked/async": ("database",),
    "pool/async": ("database pool",),
    "pool/sync": ("database pool",),
    "serialise/async": ("serialisation",),
    "serialise/sync": ("serialisation",),
    "unseen/async": QUIET,
}
"""What a variant must suffer from under a high load. `database/blocking` shows it in its own time, not in others'."""

AT_LOW: Final[Mapping[str, Expected]] = {
    # At twenty requests a second, each of which keeps the loop for 20 ms, the loop is held for 40 % of the time.
    "external/blocking": BLOCKED,
    "sleep/blocking": BLOCKED,
    "hidden/depended": BLOCKED,
    "hidden/gathered": BLOCKED,
    "compute/async": ("loop computing",),
    "serialise/async": ("serialisation",),
    "serialise/sync": ("serialisation",),
}
"""What is wrong at twenty requests a second; nothing else may be."""

LINES: Final[Mapping[str, str]] = {
    "database/blocking": "database_blocking",
    "external/blocking": "external_blocking",
    "sleep/blocking": "sleep_blocking",
    "hidden/depended": "dependency",
    "hidden/gathered": "child",
}
"""The function in whose lines the fault must be seen to lie."""


@dataclass(frozen=True, slots=True)
class Case:
    """A variant at a level, and what the diagnosis must name first; `function` is where it must see the line."""

    package: Package
    workload: str
    variant: str
    level: Level
    expected: Expected
    function: str | None = None

    @property
    def name(self) -> str:
        return f"{self.workload}/{self.variant}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the diagnosis said of a case: its first cause, that one's share, and the line if it named one."""

    case: Case
    found: str | None
    share: float | None
    function: str | None
    detail: str

    @property
    def agrees(self) -> bool:
        if self.found not in self.case.expected:
            return False
        return self.case.function is None or self.found is None or self.case.function == self.function


def cases_of(package: Package, workloads: Mapping[str, Workload]) -> tuple[Case, ...]:
    """The cases that these workloads make: each variant of a known fault, at a low and at a high level."""
    variants = [variant for workload in workloads.values() for variant in workload.variants.values()]
    return tuple(case for variant in variants if _name(variant) in AT_HIGH for case in _of_variant(package, variant))


def _of_variant(package: Package, variant: Variant) -> Iterable[Case]:
    name = _name(variant)
    function = LINES.get(name)
    if package != "faults" or name in AT_LOW or name not in ("deadlock/sync", "garbage/async"):
        yield Case(package, variant.workload, variant.name, LOW, AT_LOW.get(name, QUIET), function)
    high = FEW if variant.workload in ("compute", "serialise") else MANY if name == "external/async" else HIGH
    yield Case(package, variant.workload, variant.name, high, AT_HIGH[name], function)


def _name(variant: Variant) -> str:
    return f"{variant.workload}/{variant.name}"


def confusion(outcomes: Sequence[Outcome]) -> dict[tuple[str, str], int]:
    """How often (expected, found) came out. Where several may be expected, the one that was found stands for them."""
    pairs: Counter[tuple[str, str]] = Counter()
    for outcome in outcomes:
        found = outcome.found or FAULTLESS
        expected = found if outcome.found in outcome.case.expected else (outcome.case.expected[0] or FAULTLESS)
        pairs[expected, found] += 1
    return dict(pairs)
