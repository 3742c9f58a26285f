"""Two runs side by side: whether they are comparable, and what became faster or slower from one to the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.judge.findings import Findings, JudgedCell
from harness.judge.verdict import Verdict, verdict
from harness.machine.machine import differing
from harness.plan.knobs import KNOBS
from harness.plan.level import Level
from harness.plan.metric import Metric, less_is_better, primary
from harness.stats.estimate import CONFIDENCE, Estimate, independent_ratio


@dataclass(frozen=True, slots=True)
class Difference:
    """One fact in which two runs differ, as text."""

    fact: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.fact} was {self.before} and is {self.after}"


@dataclass(frozen=True, slots=True)
class Change:
    """One variant at one level in both runs: after/before of the level's metric, and the verdict on it."""

    before: JudgedCell
    after: JudgedCell
    metric: Metric
    ratio: Estimate | None
    verdict: Verdict

    @property
    def name(self) -> str:
        return f"{self.after.cell.workload.name}/{self.after.cell.variant.name}"

    @property
    def level(self) -> Level:
        return self.after.cell.level


def differences(before: Findings, after: Findings) -> tuple[Difference, ...]:
    """Return every checked fact in which the two runs differ; none where they are comparable."""
    one, other = _facts(before), _facts(after)
    found = differing(before.run.manifest.machine, after.run.manifest.machine)
    found += [
        (fact, one.get(fact), other.get(fact))
        for fact in dict.fromkeys([*one, *other])
        if one.get(fact) != other.get(fact)
    ]
    return tuple(Difference(fact, _spelled(was), _spelled(now)) for fact, was, now in found)


def changes(before: Findings, after: Findings, margin: float, confidence: float = CONFIDENCE) -> tuple[Change, ...]:
    """Return the change of every cell that both runs measured, in the order of the later run."""
    known = {_key(judged): judged for judged in before.cells}
    found = []
    for judged in after.cells:
        former = known.get(_key(judged))
        if former is None:
            continue
        metric = primary(judged.cell.level)
        ratio = independent_ratio(_values(judged, metric), _values(former, metric), confidence)
        valid = former.valid and judged.valid
        found.append(
            Change(
                former,
                judged,
                metric,
                ratio,
                verdict(ratio, margin=margin, valid=valid, less_is_better=less_is_better(metric)),
            )
        )
    return tuple(found)


def _key(judged: JudgedCell) -> tuple[str, str, Level]:
    return judged.cell.workload.name, judged.cell.variant.name, judged.cell.level


def _values(judged: JudgedCell, metric: Metric) -> list[float]:
    return [value for trial in judged.cell.trials if (value := trial.value(metric)) is not None]


def _facts(findings: Findings) -> dict[str, Any]:
    """Return the facts, besides the machine, that must be the same in both runs."""
    manifest = findings.run.manifest
    plan, labels = manifest.plan, {knob.label for knob in KNOBS.values()}
    return {
        # A knob is part of a level, and only equal levels are compared.
        **{f"server: {name}": value for name, value in manifest.server.items() if name not in labels},
        "placement": str(manifest.placement),
        "database": manifest.database,
        "target": manifest.target,
        "load processes": plan.load_processes,
        "warm-up": f"{plan.warmup_s:g} s",
        "window": f"{plan.window_s:g} s",
        "windows": "lengthened by a pilot" if plan.pilot_s else "as they were asked for",
        "fresh server for each trial": "yes" if plan.fresh_server else "no",
    }


def _spelled(value: object) -> str:
    return "unknown" if value is None else str(value)
