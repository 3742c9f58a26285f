"""`summary.json`: the findings under the names that other programs rely on."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter

from harness.causes.cause import Explanation
from harness.judge.cells import Cell
from harness.judge.comparisons import Comparison, Outcome
from harness.judge.findings import Findings, JudgedCell, JudgedComparison
from harness.judge.inquiry import Inquiry
from harness.plan.knobs import USUAL
from harness.plan.metric import PERCENTS
from harness.plan.plan import Plan
from harness.record.disturbance import DisturbedBlock
from harness.record.run import SCHEMA
from harness.report.wait_bars import bars_of
from harness.stats.estimate import Estimate
from harness.stats.figures import milliseconds
from scenarios.wire.victim import VICTIMS, Victim


def to_summary(findings: Findings) -> dict[str, Any]:
    """Return the findings under the names that other programs rely on; an unmeasured value is null, never zero."""
    manifest = findings.run.manifest
    return {
        "schema": SCHEMA,
        "machine": {
            **asdict(manifest.machine),
            "placement": str(manifest.placement),
            "database": None if manifest.database is None else asdict(manifest.database),
        },
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
        "settings": [
            {
                "workload": judged.after.cell.workload.name,
                "variant": judged.after.cell.variant.name,
                "level": _level(judged.after.cell),
                "against": _level(judged.before.cell),
                **_ratio(judged.outcome),
                "blocks": len(judged.outcome.ratios),
                "verdict": str(judged.verdict),
            }
            for judged in findings.settings
        ],
        "confirmations": [
            {
                "workload": judged.confirmation.workload,
                "variant": judged.confirmation.variant,
                "change": judged.confirmation.change,
                "predicted": {"least": judged.confirmation.least, "most": judged.confirmation.most},
                "measured": _interval(judged.ratio, 6),
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
    """Return the plan without the sources, which run.json keeps."""
    whole: dict[str, Any] = TypeAdapter(Plan).dump_python(plan, mode="json")
    whole["workloads"] = {
        workload.name: {variant.name: variant.kind for variant in workload.variants} for workload in plan.workloads
    }
    return whole


def _level(of: Cell | Comparison | DisturbedBlock) -> dict[str, Any]:
    level = of.level
    knobs = {"knobs": asdict(level.knobs)} if level.knobs != USUAL else {}
    if level.rate_rps is None:
        thinking = {"think_s": level.think_s} if level.think_s else {}
        return {"model": level.model, "users": level.users} | thinking | knobs
    return {
        "model": level.model,
        "rate_rps": level.rate_rps,
        "connections": level.users,
        "arrivals": level.arrivals,
    } | knobs


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

    def percentiles(*percents: float) -> dict[str, float | None]:
        return {f"p{percent:g}": _rounded(milliseconds(cell.latency_us(percent)), 3) for percent in percents}

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
        "latency_ms": percentiles(*PERCENTS),
        # Both exist only in an open loop; in a closed loop a request is due when it is sent.
        **{
            name: {f"p{percent}": _rounded(milliseconds(part.percentile_us(percent)), 3) for percent in (50, 99)}
            for name, part in (("service_ms", cell.service), ("send_lag_ms", cell.send_lag))
            if cell.level.rate_rps is not None
        },
        "victims": {name: _victim(cell.victims.get(name)) for name in VICTIMS},
        "bound_rps": _rounded(cell.bound.rps if cell.bound else None, 2),
        "latency_is_lower_bound": cell.latency_is_lower_bound,
        "server_cpu": _rounded(cell.server_cpu, 3),
        "client_cpu": _rounded(cell.client_cpu, 3),
        "processes": {
            role: {name: _rounded(value, 4) for name, value in asdict(rates).items()}
            for role, rates in cell.processes.items()
        },
        "valid": judged.valid,
        "warnings": [warning.sentence for warning in judged.warnings],
        "cause": judged.cause,
        "diagnosis": _inquiry(judged.inquiry),
        "bounds": [
            {"resource": each.resource, "rps": round(each.rps, 2), "formula": each.formula}
            for each in (judged.inquiry.scene.bounds if judged.inquiry.scene else ())
        ],
    }


def _victim(victim: Victim | None) -> dict[str, Any]:
    """Return a victim's latencies in milliseconds; `lower_bound` lists the percentiles that are lower bounds."""
    felt = victim or Victim()
    return {
        "probes": felt.latency.n,
        "failures": sum(felt.failures.values()),
        **{f"p{percent}_ms": _rounded(milliseconds(felt.percentile_us(percent)), 3) for percent in (50, 99)},
        "lower_bound": [f"p{percent}" for percent in (50, 99) if felt.is_lower_bound(percent)],
    }


def _inquiry(inquiry: Inquiry) -> dict[str, Any]:
    found = inquiry.diagnosis
    if found.unknown is not None:
        return {"unknown": found.unknown}
    return {
        "unloaded_ms": round(found.unloaded_s * 1000, 3),
        "queueing_ms": round(found.queueing_s * 1000, 3),
        "unexplained": round(found.unexplained, 3),
        "causes": [_explanation(each) for each in inquiry.explanations],
        "profile": _profile(inquiry),
    }


def _profile(inquiry: Inquiry) -> dict[str, Any] | None:
    bars = bars_of(inquiry)
    if bars is None:
        return None
    return {
        "unloaded_ms": round(bars.alone_s * 1000, 3),
        "loaded_ms": round(bars.loaded_s * 1000, 3),
        "residual": round(bars.residual, 3),
        "looking": round(bars.looking, 4),
        "parts": [
            {
                "part": row.name,
                "source": row.source,
                "call": row.call,
                "unloaded_ms": round(row.alone_s * 1000, 3),
                "loaded_ms": round(row.loaded_s * 1000, 3),
            }
            for row in bars.rows
        ],
    }


def _explanation(explained: Explanation) -> dict[str, Any]:
    site, predicted = explained.cause.site, explained.prediction
    return {
        "cause": explained.cause.name,
        "share": _rounded(explained.cause.share, 3),
        "sentence": explained.sentence,
        "line": str(site) if site else None,
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
    estimate = _interval(comparison.ratio, 6)
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
        "warnings": [warning.sentence for warning in judged.warnings],
    }


def _ratio(outcome: Outcome) -> dict[str, float | None]:
    estimate = _interval(outcome.ratio, 6)
    return {"ratio": estimate["value"], "low": estimate["low"], "high": estimate["high"]}
