"""A run, judged: every cell with its caveats and cause, every comparison and claim with its verdict.

This is what all renderers read, and `summary.json` is its public form.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import TypeAdapter

from bench_app.workload import Claim
from harness.caveats import Caveat, caveats_of, caveats_on
from harness.disturbance import DisturbedBlock, Unrest
from harness.explain import Explanation, Inquiry, cause, inquire
from harness.metric import less_is_better
from harness.plan import Confirmation, Plan, PlannedWorkload
from harness.record import SCHEMA, Run
from harness.stats import Estimate
from harness.summary import Cell, Comparison, Outcome, milliseconds, outcome, summarise
from harness.verdict import Verdict, agrees, verdict

Settlement = Literal["confirmed", "refuted", "undecided"]


@dataclass(frozen=True, slots=True)
class JudgedCell:
    """A cell, what must be known before believing it, and what held it back.

    `cause` is that in a sentence, None where nothing seen explains it.
    """

    cell: Cell
    caveats: tuple[Caveat, ...]
    inquiry: Inquiry

    @property
    def cause(self) -> str | None:
        explained = self.inquiry.explanations
        return explained[0].sentence if explained else cause(self.cell)

    @property
    def valid(self) -> bool:
        return not any(caveat.invalidates for caveat in self.caveats)


@dataclass(frozen=True, slots=True)
class JudgedComparison:
    """A comparison with its verdict, which is about its primary metric; those of the others only inform."""

    comparison: Comparison
    verdict: Verdict
    secondary: tuple[tuple[Outcome, Verdict], ...] = ()
    caveats: tuple[Caveat, ...] = ()


@dataclass(frozen=True, slots=True)
class JudgedClaim:
    """A claim with the comparison that it rests on and what this machine says of it."""

    workload: str
    claim: Claim
    judged: JudgedComparison
    settlement: Settlement


@dataclass(frozen=True, slots=True)
class JudgedConfirmation:
    """What a change of the server was predicted to bring a variant, and what it brought.

    `ratio` is of requests a second, changed over as it was. `holds` says whether the prediction meets its interval, or
    misses it by no more than the margin; None where there is no interval, or a cell is invalid.
    """

    confirmation: Confirmation
    ratio: Estimate | None
    holds: bool | None


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything there is to say about a run; the comparisons of the step at an equal rate are apart, in `iso`.

    `disturbed` are the blocks in which the machine was not itself, `unrest` is how restless it was in all.
    """

    run: Run
    cells: tuple[JudgedCell, ...]
    comparisons: tuple[JudgedComparison, ...]
    claims: tuple[JudgedClaim, ...]
    iso: tuple[JudgedComparison, ...] = ()
    disturbed: tuple[DisturbedBlock, ...] = ()
    unrest: tuple[Unrest, ...] = ()
    confirmations: tuple[JudgedConfirmation, ...] = ()

    @property
    def rejected(self) -> tuple[DisturbedBlock, ...]:
        """The blocks that count for nothing."""
        return tuple(block for block in self.disturbed if block.rejected)

    @property
    def headline(self) -> tuple[JudgedComparison, ...]:
        """The comparisons to begin with: the plain twins, async against sync, at the highest level, WINs first.

        Where a run holds none of them, all its comparisons.
        """
        highest = max(self.run.manifest.plan.levels, key=lambda level: level.size)
        twins = [
            judged
            for judged in self.comparisons
            if (judged.comparison.pair.contender, judged.comparison.pair.baseline) == ("async", "sync")
            and judged.comparison.level == highest
        ]
        order = list(Verdict)
        return tuple(sorted(twins or self.comparisons, key=lambda judged: order.index(judged.verdict)))

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
    cells = tuple(JudgedCell(cell, caveats_of(cell, run), inquire(cell, run)) for cell in summary.cells)
    valid = {id(judged.cell): judged.valid for judged in cells}
    margin = run.manifest.plan.margin

    def judge(comparison: Comparison) -> JudgedComparison:
        both = valid[id(comparison.baseline)] and valid[id(comparison.contender)]
        first, *others = (
            verdict(each.ratio, margin=margin, valid=both, less_is_better=less_is_better(each.metric))
            for each in (comparison.primary, *comparison.secondary)
        )
        secondary = tuple(zip(comparison.secondary, others, strict=True))
        return JudgedComparison(comparison, first, secondary, caveats_on(comparison))

    comparisons = tuple(map(judge, summary.comparisons))
    levels = run.manifest.plan.levels
    planned = tuple(judged for judged in comparisons if judged.comparison.level in levels)
    iso = tuple(judged for judged in comparisons if judged.comparison.level not in levels)
    claims = tuple(_claims(run.manifest.plan, planned))
    confirmed = tuple(_confirmed(run.manifest.plan, cells))
    return Findings(run, cells, planned, claims, iso, summary.disturbed, summary.unrest, confirmed)


def _confirmed(plan: Plan, cells: tuple[JudgedCell, ...]) -> Iterator[JudgedConfirmation]:
    found = {(judged.cell.workload.name, judged.cell.variant.name, judged.cell.level): judged for judged in cells}
    for each in plan.confirmations:
        before, after = (found.get((each.workload, each.variant, level)) for level in (each.level, each.changed))
        if before is None or after is None:
            continue
        ratio = outcome(after.cell, before.cell, "throughput_rps").ratio
        valid = before.valid and after.valid
        yield JudgedConfirmation(each, ratio, agrees(ratio, each.least, each.most, margin=plan.margin, valid=valid))


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
    """Confirmed by the verdict that the claim expects, refuted by another clear one, else undecided."""
    if found == claim.expect:
        return "confirmed"
    return "refuted" if found in (Verdict.WIN, Verdict.LOSS, Verdict.TIE) else "undecided"


# summary.json


def to_summary(findings: Findings) -> dict[str, Any]:
    """The findings under the names that other programs rely on; what was not measured is null, never zero."""
    manifest = findings.run.manifest
    return {
        "schema": SCHEMA,
        "machine": {**manifest.machine, "placement": str(manifest.placement), "database": manifest.database},
        "plan": _plan(manifest.plan) | {"command": manifest.command, "started": manifest.started.isoformat()},
        "complete": findings.run.is_complete,
        "cells": [_cell(judged) for judged in findings.cells],
        "comparisons": [_comparison(judged) for judged in (*findings.comparisons, *findings.iso)],
        "disturbed_blocks": [
            {
                "workload": block.workload,
                "level": _level(block),
                "block": block.number,
                "reasons": [str(signal) for signal in block.signals],
                "rejected": block.rejected,
            }
            for block in findings.disturbed
        ],
        "machine_unrest": {
            unrest.name: {
                "lowest": round(unrest.lowest, 4),
                "highest": round(unrest.highest, 4),
                "trials": unrest.trials,
            }
            for unrest in findings.unrest
        },
        "confirmations": [
            {
                "workload": judged.confirmation.workload,
                "variant": judged.confirmation.variant,
                "change": judged.confirmation.change,
                "predicted": {"least": judged.confirmation.least, "most": judged.confirmation.most},
                "measured": _interval(judged.ratio, 4),
                "holds": judged.holds,
            }
            for judged in findings.confirmations
        ],
        "claims": [
            {
                "workload": judged.workload,
                "sentence": judged.claim.sentence,
                "source": judged.claim.source,
                "level": _level(judged.judged.comparison),
                "settlement": judged.settlement,
            }
            for judged in findings.claims
        ],
    }


def _plan(plan: Plan) -> dict[str, Any]:
    """The plan without the sources, which run.json keeps."""
    whole: dict[str, Any] = TypeAdapter(Plan).dump_python(plan, mode="json")
    whole["workloads"] = {
        workload.name: {variant.name: variant.kind for variant in workload.variants} for workload in plan.workloads
    }
    return whole


def _level(of: Cell | Comparison | DisturbedBlock) -> dict[str, Any]:
    level = of.level
    if level.rate_rps is None:
        thinking = {"think_s": level.think_s} if level.think_s else {}
        return {"model": level.model, "users": level.users} | thinking
    return {
        "model": level.model,
        "rate_rps": level.rate_rps,
        "connections": level.users,
        "arrivals": level.arrivals,
    }


def _interval(estimate: Estimate | None, digits: int) -> dict[str, float | None]:
    if estimate is None:
        return {"value": None, "low": None, "high": None}
    return {
        "value": round(estimate.value, digits),
        "low": _rounded(estimate.low, digits),
        "high": _rounded(estimate.high, digits),
    }


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _cell(judged: JudgedCell) -> dict[str, Any]:
    cell = judged.cell

    def percentiles(*percents: int) -> dict[str, float | None]:
        return {f"p{percent}": _rounded(milliseconds(cell.latency_us(percent)), 3) for percent in percents}

    return {
        "workload": cell.workload.name,
        "variant": cell.variant.name,
        "kind": cell.variant.kind,
        "level": _level(cell),
        "trials": len(cell.trials),
        "requests": cell.requests,
        "errors": cell.errors,
        "failures": cell.failures,
        "dropped": cell.dropped,
        "throughput_rps": _interval(cell.throughput_rps, 2),
        "latency_ms": percentiles(50, 95, 99),
        "bystander_ms": {
            f"p{percent}": _rounded(milliseconds(cell.bystander.percentile_us(percent)), 3) for percent in (50, 99)
        },
        "sync_bystander_ms": {
            f"p{percent}": _rounded(milliseconds(cell.sync_bystander.percentile_us(percent)), 3) for percent in (50, 99)
        },
        "bound_rps": _rounded(cell.bound.rps if cell.bound else None, 2),
        "latency_is_floor": cell.latency_is_floor,
        "server_cpu": _rounded(cell.server_cpu, 3),
        "client_cpu": _rounded(cell.client_cpu, 3),
        "valid": judged.valid,
        "caveats": [caveat.sentence for caveat in judged.caveats],
        "cause": judged.cause,
        "diagnosis": _inquiry(judged.inquiry),
        "bounds": [
            {"resource": each.resource, "rps": round(each.rps, 2), "formula": each.formula}
            for each in (judged.inquiry.scene.bounds if judged.inquiry.scene else ())
        ],
    }


def _inquiry(inquiry: Inquiry) -> dict[str, Any]:
    found = inquiry.diagnosis
    if found.unknown is not None:
        return {"unknown": found.unknown}
    return {
        "alone_ms": round(found.alone_s * 1000, 3),
        "added_ms": round(found.added_s * 1000, 3),
        "unexplained": round(found.unexplained, 3),
        "causes": [_explanation(each) for each in inquiry.explanations],
    }


def _explanation(explained: Explanation) -> dict[str, Any]:
    held, predicted = explained.cause.holding, explained.prediction
    return {
        "cause": explained.cause.name,
        "share": _rounded(explained.cause.share, 3),
        "sentence": explained.sentence,
        "line": str(held.place) if held and held.place else None,
        "evidence": [each for each in explained.evidence if each],
        "advice": explained.advice,
        "predicted": {
            "change": predicted.change,
            "least": round(predicted.least, 3),
            "most": round(predicted.most, 3),
        }
        if predicted
        else None,
    }


def _comparison(judged: JudgedComparison) -> dict[str, Any]:
    comparison = judged.comparison
    estimate = _interval(comparison.ratio, 4)
    return {
        "workload": comparison.pair.workload,
        "baseline": comparison.pair.baseline,
        "contender": comparison.pair.contender,
        "level": _level(comparison),
        "metric": comparison.metric,
        "ratio": estimate["value"],
        "low": estimate["low"],
        "high": estimate["high"],
        "verdict": str(judged.verdict),
        "blocks": comparison.blocks,
        "autocorrelation": _rounded(comparison.primary.autocorrelation, 3),
        "secondary": {outcome.metric: _ratio(outcome) | {"verdict": str(found)} for outcome, found in judged.secondary},
        "caveats": [caveat.sentence for caveat in judged.caveats],
    }


def _ratio(outcome: Outcome) -> dict[str, float | None]:
    estimate = _interval(outcome.ratio, 4)
    return {"ratio": estimate["value"], "low": estimate["low"], "high": estimate["high"]}
