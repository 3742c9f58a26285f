"""Two variants over a range of levels, and where the better one changes. Each level is a recorded run of its own.

reports/20261123T141500Z-crossover-sleep/
    crossover.json    what was asked for, machine, command
    levels/00040/     a run of one level: run.json and its trials, as `bench.py run` writes them
    logs/             the output of each process
    report.html, summary.json, charts/    the results
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import TypeAdapter, ValidationError

from harness.causes.bounds import Bound, bound
from harness.exceptions import BadInputError
from harness.judge.crossing import Crossing, Point, crossings, saturation, side
from harness.judge.findings import JudgedCell, JudgedComparison, find
from harness.judge.verdict import Verdict
from harness.machine.machine import Machine
from harness.plan.level import Level
from harness.plan.plan import PlannedWorkload
from harness.record.run import SCHEMA, Run, read_run
from harness.record.run_directory import TRIALS
from harness.stats.estimate import Estimate

FILE: Final = "crossover.json"
LEVELS: Final = "levels"
Over = Literal["users", "wait_ms"]


@dataclass(frozen=True, slots=True)
class CrossoverPlan:
    """What the user asked for. `ended` is None while the search runs, and stays None if it is interrupted.

    `low` and `high` are users, or the wait in ms; `users` is their number where the wait varies. `blocks` is the number
    of blocks of a level that is measured once. `warmup_s` and `window_s` are the shortest that a trial has.
    """

    schema: Literal[1]
    workload: PlannedWorkload
    baseline: str
    contender: str
    over: Over
    low: int
    high: int
    users: int | None
    blocks: int
    warmup_s: float
    window_s: float
    margin: float
    seed: int
    started: datetime
    command: str
    machine: Machine
    placement: str
    ended: datetime | None = None

    def at(self, level: int) -> tuple[PlannedWorkload, Level]:
        """Return the workload and the load of a level."""
        if self.users is None:
            return self.workload, Level(level)
        return replace(self.workload, wait_s=level / 1000), Level(self.users)


@dataclass(frozen=True, slots=True)
class Step:
    """Both variants at one level, judged like those of a run.

    `again` says that the level was measured a second time. `rejected` counts the disturbed blocks that are left out.
    """

    level: int
    baseline: JudgedCell
    contender: JudgedCell
    comparison: JudgedComparison
    again: bool
    rejected: int

    @property
    def ratio(self) -> Estimate | None:
        return self.comparison.comparison.ratio

    @property
    def point(self) -> Point:
        """The level as the search reads it; an invalid level has no ratio."""
        found = self.comparison.verdict
        ratio = None if found is Verdict.INVALID else self.ratio
        return Point(self.level, ratio, side(found, ratio), self.again)


@dataclass(frozen=True, slots=True)
class Saturation:
    """The saturation point N*: up to `level` both variants have the same bound, beyond it `variant` has a lower one.

    `bound` is this lower bound of `variant`.
    """

    level: int
    variant: str
    bound: Bound


@dataclass(frozen=True, slots=True)
class CrossoverResult:
    """The result of a search; its steps are ordered by level."""

    sought: CrossoverPlan
    steps: tuple[Step, ...]

    @property
    def is_complete(self) -> bool:
        return self.sought.ended is not None

    @property
    def points(self) -> tuple[Point, ...]:
        return tuple(step.point for step in self.steps)

    @property
    def crossings(self) -> tuple[Crossing, ...]:
        return crossings(self.points)

    @property
    def saturation(self) -> Saturation | None:
        """Where the bounds of the two variants begin to differ, if they do so within the range."""
        sought = self.sought
        level = saturation(self._bounds_are_equal, sought.low, sought.high)
        if level is None:
            return None
        bounds = [(each, name) for name in (sought.baseline, sought.contender) if (each := self.bound(name, level + 1))]
        lower, name = min(bounds, key=lambda each: each[0].rps)
        return Saturation(level, name, lower)

    def bound(self, variant: str, level: int) -> Bound | None:
        """Return the theoretical bound of the variant at a level, whether it was measured or not."""
        workload, load = self.sought.at(level)
        (planned,) = (each for each in workload.variants if each.name == variant)
        return bound(workload, planned, load)

    def _bounds_are_equal(self, level: int) -> bool:
        baseline, contender = self.bound(self.sought.baseline, level), self.bound(self.sought.contender, level)
        return baseline is None or contender is None or math.isclose(baseline.rps, contender.rps)


SOUGHT: Final = TypeAdapter(CrossoverPlan)


def level_directory(directory: Path, level: int) -> Path:
    """Return the directory of a level's run; the names sort by level."""
    return directory / LEVELS / f"{level:05}"


def read_step(sought: CrossoverPlan, level: int, run: Run) -> Step | None:
    """Judge the level that the run measured; return None where one of the two variants has no trial."""
    findings = find(run)
    if not findings.comparisons:
        return None
    by_name = {judged.cell.variant.name: judged for judged in findings.cells}
    return Step(
        level=level,
        baseline=by_name[sought.baseline],
        contender=by_name[sought.contender],
        comparison=findings.comparisons[0],
        again=run.manifest.plan.blocks > sought.blocks,
        rejected=len(findings.rejected),
    )


def read_crossover(directory: Path) -> CrossoverResult:
    """Return the search that the directory holds.

    Raises:
        BadInputError: one of its files is damaged, or no level has a trial of both variants.
    """
    path = directory / FILE
    try:
        sought = SOUGHT.validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise BadInputError(
            f"{path} is damaged or of another version: search again ({type(error).__name__})."
        ) from None
    steps = [
        read_step(sought, int(level.name), read_run(level))
        for level in sorted((directory / LEVELS).glob("[0-9]*"))
        if any((level / TRIALS).glob("[0-9]*.json"))
    ]
    found = tuple(step for step in steps if step is not None)
    if not found:
        raise BadInputError(f"{directory} holds no level at which both variants were measured: search again.")
    return CrossoverResult(sought, found)


def to_summary(curves: CrossoverResult) -> dict[str, Any]:
    """Return the result under names that other programs rely on; an unknown value is null."""
    sought, expected = curves.sought, curves.saturation
    return {
        "schema": SCHEMA,
        "workload": sought.workload.name,
        "baseline": sought.baseline,
        "contender": sought.contender,
        "over": sought.over,
        "range": [sought.low, sought.high],
        "users": sought.users,
        "margin": sought.margin,
        "complete": curves.is_complete,
        "crossings": [
            {
                "level": round(crossing.level, 2),
                "low": crossing.low,
                "high": crossing.high,
                "better_below": getattr(sought, crossing.before),
                "better_above": getattr(sought, crossing.after),
            }
            for crossing in curves.crossings
        ],
        "saturation_at": expected.level if expected else None,
        "levels": [
            {
                "level": step.level,
                "baseline_rps": _interval(step.baseline.cell.throughput_rps, 2),
                "contender_rps": _interval(step.contender.cell.throughput_rps, 2),
                "ratio": _interval(step.ratio, 4),
                "blocks": step.comparison.comparison.blocks,
                "verdict": str(step.comparison.verdict),
                "favours": getattr(sought, step.point.favours) if step.point.favours else None,
            }
            for step in curves.steps
        ],
    }


def _interval(estimate: Estimate | None, digits: int) -> dict[str, float | None]:
    ends = (None, None, None) if estimate is None else (estimate.value, estimate.low, estimate.high)
    rounded = [None if end is None else round(end, digits) for end in ends]
    return dict(zip(("value", "low", "high"), rounded, strict=True))
