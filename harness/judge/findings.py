"""A run, judged: every cell with its warnings and cause, every comparison and claim with its verdict.

All renderers read it, and `summary.json` is its public form.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from bench_app.workload import Claim
from harness.judge.cells import Cell
from harness.judge.comparisons import Comparison, Outcome, outcome, summarise
from harness.judge.guards import CellWarning, warnings_of, warnings_on
from harness.judge.inquiry import Inquiry, cause, inquire
from harness.judge.verdict import Verdict, agrees, verdict
from harness.plan.metric import less_is_better, primary
from harness.plan.plan import Plan, PlannedWorkload
from harness.plan.schedule import Confirmation, Schedule
from harness.record.disturbance import DisturbedBlock, Unrest
from harness.record.run import Run
from harness.stats.estimate import Estimate

Settlement = Literal["confirmed", "refuted", "undecided"]


@dataclass(frozen=True, slots=True)
class JudgedCell:
    """A cell with its warnings, and with what limited it.

    `cause` is the limit in a sentence; None where nothing explains it.
    """

    cell: Cell
    warnings: tuple[CellWarning, ...]
    inquiry: Inquiry

    @property
    def cause(self) -> str | None:
        explained = self.inquiry.explanations
        return explained[0].sentence if explained else cause(self.cell)

    @property
    def valid(self) -> bool:
        return not any(warning.invalidates for warning in self.warnings)


@dataclass(frozen=True, slots=True)
class JudgedComparison:
    """A comparison with the verdict on its primary metric; the verdicts on the other metrics only inform."""

    comparison: Comparison
    verdict: Verdict
    secondary: tuple[tuple[Outcome, Verdict], ...] = ()
    warnings: tuple[CellWarning, ...] = ()


@dataclass(frozen=True, slots=True)
class JudgedClaim:
    """A claim, the comparison that tests it, and whether this machine confirms it."""

    workload: str
    claim: Claim
    judged: JudgedComparison
    settlement: Settlement


@dataclass(frozen=True, slots=True)
class JudgedConfirmation:
    """A setting's predicted and measured effect on a variant.

    `ratio` is that of requests a second, after over before. `holds` says whether the prediction and the interval are no
    further apart than the margin; None where there is no interval, or a cell is invalid.
    """

    confirmation: Confirmation
    ratio: Estimate | None
    holds: bool | None


@dataclass(frozen=True, slots=True)
class JudgedSetting:
    """One variant under the same load with two settings of the server: the first one measured, and another.

    `outcome` is after/before of the level's metric, over the blocks that hold both settings.
    """

    before: JudgedCell
    after: JudgedCell
    outcome: Outcome
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that was found out about a run. `iso` holds the comparisons of the step at an equal rate.

    `disturbed` lists the disturbed blocks, and `unrest` sums up each kind of disturbance. `settings` compares each
    variant with itself where a setting of the server was varied.
    """

    run: Run
    cells: tuple[JudgedCell, ...]
    comparisons: tuple[JudgedComparison, ...]
    claims: tuple[JudgedClaim, ...]
    iso: tuple[JudgedComparison, ...] = ()
    disturbed: tuple[DisturbedBlock, ...] = ()
    unrest: tuple[Unrest, ...] = ()
    confirmations: tuple[JudgedConfirmation, ...] = ()
    settings: tuple[JudgedSetting, ...] = ()

    @property
    def rejected(self) -> tuple[DisturbedBlock, ...]:
        """The blocks that are left out of every figure."""
        return tuple(block for block in self.disturbed if block.rejected)

    @property
    def headline(self) -> tuple[JudgedComparison, ...]:
        """The first comparisons to show: async against sync, at the highest level, WINs first.

        Where a run has no such comparison, all its comparisons.
        """
        highest = max(self.run.manifest.plan.levels, key=lambda level: level.size)
        pairs = [
            judged
            for judged in self.comparisons
            if (judged.comparison.pair.contender, judged.comparison.pair.baseline) == ("async", "sync")
            and judged.comparison.level == highest
        ]
        order = list(Verdict)
        return tuple(sorted(pairs or self.comparisons, key=lambda judged: order.index(judged.verdict)))

    def cells_of(self, workload: PlannedWorkload) -> tuple[JudgedCell, ...]:
        levels = self.run.manifest.plan.levels
        return tuple(
            judged
            for judged in self.cells
            if judged.cell.workload.name == workload.name and judged.cell.level in levels
        )

    def iso_of(self, workload: PlannedWorkload) -> tuple[JudgedComparison, ...]:
        return tuple(judged for judged in self.iso if judged.comparison.pair.workload == workload.name)

    def comparisons_of(self, workload: PlannedWorkload) -> tuple[JudgedComparison, ...]:
        return tuple(judged for judged in self.comparisons if judged.comparison.pair.workload == workload.name)


def find(run: Run) -> Findings:
    """Judge a run. Pure: the same directory always gives the same findings."""
    summary = summarise(run)
    cells = tuple(JudgedCell(cell, warnings_of(cell, run), inquire(cell, run)) for cell in summary.cells)
    valid = {judged.cell.key: judged.valid for judged in cells}
    margin = run.manifest.plan.margin

    def judge(comparison: Comparison) -> JudgedComparison:
        both = valid[comparison.baseline.key] and valid[comparison.contender.key]
        first, *others = (
            verdict(each.ratio, margin=margin, valid=both, less_is_better=less_is_better(each.metric))
            for each in (comparison.primary, *comparison.secondary)
        )
        secondary = tuple(zip(comparison.secondary, others, strict=True))
        return JudgedComparison(comparison, first, secondary, warnings_on(comparison))

    comparisons = tuple(map(judge, summary.comparisons))
    levels = run.manifest.plan.levels
    planned = tuple(judged for judged in comparisons if judged.comparison.level in levels)
    iso = tuple(judged for judged in comparisons if judged.comparison.level not in levels)
    claims = tuple(_claims(run.manifest.plan, planned))
    confirmed = tuple(_confirmed(run.manifest.schedule, cells))
    return Findings(
        run,
        cells,
        planned,
        claims,
        iso,
        summary.disturbed,
        summary.unrest,
        confirmed,
        tuple(_settings(run.manifest.plan, cells)),
    )


def _confirmed(schedule: Schedule, cells: tuple[JudgedCell, ...]) -> Iterator[JudgedConfirmation]:
    found = {(judged.cell.workload.name, judged.cell.variant.name, judged.cell.level): judged for judged in cells}
    for each in schedule.found.confirmations:
        before, after = (found.get((each.workload, each.variant, level)) for level in (each.level, each.changed))
        if before is None or after is None:
            continue
        ratio = outcome(after.cell, before.cell, "throughput_rps").ratio
        valid = before.valid and after.valid
        yield JudgedConfirmation(
            each, ratio, agrees(ratio, each.least, each.most, margin=schedule.plan.margin, valid=valid)
        )


def _settings(plan: Plan, cells: tuple[JudgedCell, ...]) -> Iterator[JudgedSetting]:
    """Yield each variant with each further setting of the server, compared with the first setting at the same load."""
    found = {judged.cell.key: judged for judged in cells}
    for workload in plan.workloads:
        for variant in workload.variants:
            for load in dict.fromkeys(level.load for level in plan.levels):
                same = [level for level in plan.levels if level.load == load]
                first, *others = (found.get((workload.name, variant.name, level)) for level in same)
                for other in others:
                    if first is None or other is None:
                        continue
                    metric = primary(other.cell.level)
                    of_both = outcome(other.cell, first.cell, metric)
                    valid = first.valid and other.valid
                    less = less_is_better(metric)
                    said = verdict(of_both.ratio, margin=plan.margin, valid=valid, less_is_better=less)
                    yield JudgedSetting(first, other, of_both, said)


def _claims(plan: Plan, comparisons: tuple[JudgedComparison, ...]) -> list[JudgedClaim]:
    return [
        JudgedClaim(workload.name, claim, judged, settle(claim, judged.verdict))
        for workload in plan.workloads
        for claim in workload.claims
        for judged in comparisons
        if judged.comparison.pair.workload == workload.name
        and judged.comparison.pair.baseline == claim.baseline
        and judged.comparison.pair.contender == claim.contender
    ]


def settle(claim: Claim, found: Verdict) -> Settlement:
    """Return confirmed for the verdict that the claim expects, refuted for another clear one, else undecided."""
    if found == claim.expect:
        return "confirmed"
    return "refuted" if found in (Verdict.WIN, Verdict.LOSS, Verdict.TIE) else "undecided"
