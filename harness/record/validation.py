"""A check of the whole instrument on this machine: whether it is right, and how small a difference it detects."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from harness.machine.machine import Machine
from harness.stats.estimate import detectable

FILE: Final = "selfcheck.json"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One control: the expected result, the result found, and whether the control passed."""

    control: str
    expected: str
    found: str
    passed: bool


@dataclass(frozen=True, slots=True)
class Validation:
    """The outcomes of all controls, and the spread of ln ratios of a handler with itself from block to block.

    Both spreads are standard deviations: `waiting` of a handler that mostly waits, `busy` of one that fills the
    server's core.
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
        """Return the smallest differences that so many blocks detect in 4 of 5 sessions, as shares: (waiting, busy).

        None for fewer than two blocks.
        """
        waiting, busy = detectable(self.waiting, blocks), detectable(self.busy, blocks)
        return None if waiting is None or busy is None else (waiting, busy)

    def holds_for(self, machine: Machine) -> bool:
        """Return whether it was made on this kind of machine."""
        return self.machine.matches(machine)


VALIDATIONS: Final = TypeAdapter(Validation)


def read_validation(out: Path, machine: Machine) -> Validation | None:
    """Return the validation saved in `out`; None where there is none that holds for this machine."""
    try:
        validation = VALIDATIONS.validate_json((out / FILE).read_bytes())
    except (OSError, ValidationError):
        return None
    return validation if validation.holds_for(machine) else None
