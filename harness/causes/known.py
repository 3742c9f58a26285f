"""Cells whose cause is known beforehand, faultless ones included, and how often the diagnosis agrees.

Pure. Each variant carries a label with its known cause (`bench_app.workload.Suffers`). This module turns labels into
cases, and the outcomes of cases into a table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from bench_app.workload import Package, Suffers, Workload
from harness.causes.cause import discover
from harness.exceptions import BadInputError, unknown
from harness.plan.knobs import LoopName
from harness.plan.level import Level

LOW: Final = Level(8, "open", 20.0)
"""Twenty requests a second: a variant that is slow only at a higher load must be found faultless at this level."""
FAULTLESS: Final = "none"


@dataclass(frozen=True, slots=True)
class Case:
    """A variant at a level, and the cause that the diagnosis must name first, with a line in `function`.

    `expected` is None where it must name no cause.
    """

    package: Package
    workload: str
    variant: str
    level: Level
    expected: str | None
    function: str | None = None

    @property
    def name(self) -> str:
        return f"{self.workload}/{self.variant}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the diagnosis found for a case: its first cause, that cause's share, and the function if it named a line.

    `residual` is the share of the client's latency that the server's account does not explain; None where nothing was
    answered.
    """

    case: Case
    found: str | None
    share: float | None
    function: str | None
    detail: str
    residual: float | None = None

    @property
    def agrees(self) -> bool:
        if self.found != self.case.expected:
            return False
        return self.case.function is None or self.found is None or self.case.function == self.function


def cases_of(package: Package, workloads: Mapping[str, Workload]) -> tuple[Case, ...]:
    """Return the cases that these workloads make: each variant with a label, at a low and at a high level.

    Raises:
        BadInputError: a label names a cause that no file in harness/causes/rules/ describes.
    """
    return tuple(
        case
        for workload in workloads.values()
        for variant in workload.variants.values()
        if variant.suffers is not None
        for case in _of_label(package, workload.name, variant.name, variant.suffers)
    )


def _of_label(package: Package, workload: str, variant: str, label: Suffers) -> Iterator[Case]:
    for cause in (label.high, label.low):
        if cause is not None and cause not in discover():
            raise BadInputError(
                f"bench_app/{package}: the label of {workload}/{variant} cannot be tried. "
                f"{unknown('cause', cause, discover())}"
            )
    if label.low_tried:
        yield Case(package, workload, variant, LOW, label.low, label.function)
    yield Case(package, workload, variant, Level(label.users), label.high, label.function)


def confusion(outcomes: Sequence[Outcome]) -> dict[tuple[str, str], int]:
    """Count each pair (expected, found)."""
    return dict(Counter((outcome.case.expected or FAULTLESS, outcome.found or FAULTLESS) for outcome in outcomes))


def on_loop(cases: Iterable[Case], loop: LoopName) -> tuple[Case, ...]:
    """Return the cases at their high levels, on a server with this event loop."""
    return tuple(
        replace(case, level=replace(case.level, knobs=replace(case.level.knobs, loop=loop)))
        for case in cases
        if case.level.rate_rps is None
    )
