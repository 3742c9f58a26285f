"""What a run must show to pass a gate: an order of two variants, a latency limit, or no loss against an earlier run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from harness.exceptions import BadInputError, unknown
from harness.judge.changes import changes
from harness.judge.comparisons import outcome
from harness.judge.findings import Findings, JudgedCell
from harness.judge.objective import Objective, parse_objective
from harness.judge.verdict import Standing, standing, verdict, within
from harness.plan.level import Level
from harness.plan.metric import less_is_better, mass_needed, primary
from harness.plan.plan import PlannedWorkload
from harness.stats.estimate import CONFIDENCE, Estimate, geometric_mean

ORDER: Final = re.compile(r"(\S+)\s+([a-z0-9_-]+)\s*(>=|>)\s*([a-z0-9_-]+)")
LIMIT: Final = re.compile(r"(\S+)\s+([a-z0-9_-]+)\s+(p\S.*)")


@dataclass(frozen=True, slots=True)
class Order:
    """`contender` must be as good as `baseline`, or `strictly` better."""

    workload: str
    contender: str
    baseline: str
    strictly: bool

    def __str__(self) -> str:
        return f"{self.workload} {self.contender} {'>' if self.strictly else '>='} {self.baseline}"


@dataclass(frozen=True, slots=True)
class Limit:
    """A variant must meet an objective."""

    workload: str
    variant: str
    objective: Objective

    def __str__(self) -> str:
        return f"{self.workload} {self.variant} {self.objective}"


Requirement = Order | Limit


@dataclass(frozen=True, slots=True)
class Check:
    """A requirement at one level, the figure found (a ratio, or milliseconds), and whether it is met."""

    requirement: str
    level: str
    estimate: Estimate | None
    is_ratio: bool
    standing: Standing


def parse_requirement(text: str) -> Requirement:
    """Parse `database async>=sync`, `database async>sync` or `root async p99<20ms`.

    Raises:
        BadInputError: the text is none of these.
    """
    if found := ORDER.fullmatch(text.strip()):
        return Order(found[1], found[2], found[4], strictly=found[3] == ">")
    if found := LIMIT.fullmatch(text.strip()):
        return Limit(found[1], found[2], parse_objective(found[3]))
    raise BadInputError(
        f"--require {text} is no requirement: write it as 'database async>=sync' or as 'root async p99<20ms'."
    )


def check(findings: Findings, requirements: Sequence[Requirement], former: Findings | None) -> tuple[Check, ...]:
    """Check each requirement at each level, and each cell against an earlier run where one is given.

    All intervals together hold with 95 % (Bonferroni): each of the k intervals has confidence 1 - 0.05 / k.

    Raises:
        BadInputError: a requirement names a workload, variant or level that the run does not have.
    """
    asked = [(requirement, cells) for requirement in requirements for cells in _cells(findings, requirement)]
    margin = findings.run.manifest.plan.margin
    shared = len(changes(former, findings, margin)) if former is not None else 0
    confidence = 1 - (1 - CONFIDENCE) / max(1, len(asked) + shared)
    checks = [
        _order(requirement, cells, margin, confidence)
        if isinstance(requirement, Order)
        else _limit(findings, requirement, cells[0], confidence)
        for requirement, cells in asked
    ]
    if former is not None:
        checks += [
            Check(
                f"{change.name} no worse than before",
                str(change.level),
                change.ratio,
                True,
                standing(change.verdict, change.ratio, strictly=False, less_is_better=less_is_better(change.metric)),
            )
            for change in changes(former, findings, margin, confidence)
        ]
    return tuple(checks)


def _cells(findings: Findings, requirement: Requirement) -> list[tuple[JudgedCell, ...]]:
    """Return the cells that a requirement is about, level by level."""
    plan = findings.run.manifest.plan
    workload = next((each for each in plan.workloads if each.name == requirement.workload), None)
    if workload is None:
        raise unknown("workload in this run", requirement.workload, [each.name for each in plan.workloads])
    names = (requirement.contender, requirement.baseline) if isinstance(requirement, Order) else (requirement.variant,)
    for name in names:
        if name not in {variant.name for variant in workload.variants}:
            raise unknown("variant in this run", name, [variant.name for variant in workload.variants])
    found = []
    for level in _levels(findings, requirement, workload):
        cells = tuple(
            judged for name in names for judged in findings.cells if judged.cell.key == (workload.name, name, level)
        )
        if len(cells) == len(names):
            found.append(cells)
    if not found:
        raise BadInputError(f"{requirement} cannot be checked: no trial of {' or '.join(names)} is in this run.")
    return found


def _levels(findings: Findings, requirement: Requirement, workload: PlannedWorkload) -> tuple[Level, ...]:
    """Return the levels at which a requirement is checked: a latency limit at those of an open loop.

    In a closed loop a slow server gets fewer requests, so that its percentiles promise nothing at another load.

    Raises:
        BadInputError: it is a latency limit, and the run has no open loop.
    """
    schedule = findings.run.manifest.schedule
    if isinstance(requirement, Order):
        return schedule.plan.levels
    levels = tuple(level for level in schedule.levels_of(workload) if level.rate_rps is not None)
    if not levels:
        raise BadInputError(
            f"{requirement} needs an open loop, and this run is a closed one, whose p{requirement.objective.percent:g} "
            "falls as its users wait: measure with --rate, or with --iso-rate, and check that run."
        )
    return levels


def _order(requirement: Order, cells: tuple[JudgedCell, ...], margin: float, confidence: float) -> Check:
    contender, baseline = (judged.cell for judged in cells)
    metric = primary(contender.level)
    estimate, less = outcome(contender, baseline, metric, confidence).ratio, less_is_better(metric)
    found = verdict(estimate, margin=margin, valid=all(judged.valid for judged in cells), less_is_better=less)
    met = standing(found, estimate, strictly=requirement.strictly, less_is_better=less)
    return Check(str(requirement), str(contender.level), estimate, True, met)


def _limit(findings: Findings, requirement: Limit, judged: JudgedCell, confidence: float) -> Check:
    cell, objective = judged.cell, requirement.objective
    counted = {trial.number for trial in cell.trials}
    results = [recorded.result for recorded in findings.run.trials if recorded.trial.number in counted]
    observed = [objective.observed_ms(result) for result in results]
    known = [value for value in observed if value is not None]
    # A percentile that single requests decide must pass no gate.
    carried = all(result.latency.n >= mass_needed(objective.percent) for result in results)
    estimate = geometric_mean(known, confidence) if carried and len(known) == len(observed) else None
    # A lower bound may lie below the limit while the latency does not.
    too_good = cell.latency_is_lower_bound and estimate is not None and estimate.value < objective.limit_ms
    met = within(estimate, objective.limit_ms, valid=judged.valid and not too_good)
    if len(known) < len(observed) and judged.valid:
        met = Standing.FAIL  # the percentile lies among failures
    return Check(str(requirement), str(cell.level), estimate, False, met)
