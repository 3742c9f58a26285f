"""Findings of made-up runs, and what a table or a sentence about them looks like on a terminal."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from rich.console import Console, RenderableType

from harness.judge.findings import Findings, JudgedCell, JudgedComparison, find
from harness.judge.verdict import Verdict
from harness.plan.plan import Plan, Trial
from harness.record.run import read_run
from scenarios.wire.protocol import TrialResult
from tests.rehearsal import plan, rehearse, result

RATES: Final = {"sync": 1_000.0, "async": 1_500.0, "blocking": 50.0, "offload": 1_010.0}


def wobble(trial: Trial) -> float:
    """A known, balanced unevenness, so that the intervals are not points."""
    return 1 + 0.01 * ((trial.block % 3) - 1)


def findings_of(
    parent: Path,
    made: Plan | None = None,
    spoilt: Mapping[str, TrialResult] | None = None,
    results: Callable[[Trial], TrialResult] | None = None,
    **options: Any,
) -> Findings:
    """The findings of `made`, by default of all variants of `sleep`; those in `spoilt` have this result throughout."""

    def usual(trial: Trial) -> TrialResult:
        return (spoilt or {}).get(trial.variant) or result(RATES[trial.variant] * wobble(trial), trial.level.users)

    return find(read_run(rehearse(parent, made or plan("sleep"), results or usual, **options)))


def cell(findings: Findings, variant: str) -> JudgedCell:
    return next(judged for judged in findings.cells if judged.cell.variant.name == variant)


def verdict(findings: Findings, contender: str) -> Verdict:
    return comparison(findings, contender).verdict


def comparison(findings: Findings, contender: str) -> JudgedComparison:
    return next(judged for judged in findings.comparisons if judged.comparison.pair.contender == contender)


def console(width: int = 100, *, terminal: bool = False) -> Console:
    return Console(record=True, width=width, file=io.StringIO(), force_terminal=terminal)


def printed(shown: RenderableType, width: int = 100) -> str:
    """What a terminal of this width shows of a table."""
    to = console(width)
    to.print(shown)
    return to.export_text()
