"""What a check of the whole instrument found on this machine: is it right, and how small a difference does it see."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from harness.machine.machine import Machine
from harness.stats.estimate import detectable

FILE: Final = "selfcheck.json"
MUST_MATCH: Final = ("cpu", "cores", "python")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One control: what must come out, what came out, and whether that is so."""

    control: str
    expected: str
    found: str
    passed: bool


@dataclass(frozen=True, slots=True)
class Validation:
    """All controls, and how far ln ratios of the same handler with itself spread from block to block.

    Both are standard deviations: `waiting` of a handler that mostly waits, `busy` of one that fills the server's core.
    """

    outcomes: tuple[Outcome, ...]
    waiting: float
    busy: float
    measured: datetime
    machine: Machine

    @property
    def passed(self) -> int:
        return sum(outcome.passed for outcome in self.outcomes)

    def detectable(self, blocks: int) -> tuple[float, float] | None:
        """The smallest differences, as shares, that so many blocks tell from none in 4 of 5 sessions: waiting, busy."""
        waiting, busy = detectable(self.waiting, blocks), detectable(self.busy, blocks)
        return None if waiting is None or busy is None else (waiting, busy)

    def holds_for(self, machine: Machine) -> bool:
        """Return whether it was made on such a machine."""
        return self.machine.matches(machine)


VALIDATIONS: Final = TypeAdapter(Validation)


def read_validation(out: Path, machine: Machine) -> Validation | None:
    """The validation saved in `out`, if there is one and it holds for this machine."""
    try:
        validation = VALIDATIONS.validate_json((out / FILE).read_bytes())
    except (OSError, ValidationError):
        return None
    return validation if validation.holds_for(machine) else None
