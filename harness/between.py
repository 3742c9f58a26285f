"""Two runs beside each other: may they be compared at all, and what became faster or slower from one to the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from harness.findings import Findings, JudgedCell
from harness.plan import Level
from harness.stats import Estimate, independent_ratio
from harness.summary import Metric
from harness.verdict import Verdict, verdict

MACHINE_FACTS: Final = ("cpu", "cores", "memory_gib", "system", "governor", "python", "gil")
"""The facts of a machine that must be the same; the packages must be, too, and what the server was started with."""


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
    """Every checked fact in which the two runs differ; empty means that they may be compared."""
    one, other = _facts(before), _facts(after)
    return tuple(
        Difference(fact, _spelled(one.get(fact)), _spelled(other.get(fact)))
        for fact in dict.fromkeys([*one, *other])
        if one.get(fact) != other.get(fact)
    )


def changes(before: Findings, after: Findings, margin: float) -> tuple[Change, ...]:
    """What both runs measured, in the order of the later one."""
    known = {_key(judged): judged for judged in before.cells}
    found = []
    for judged in after.cells:
        former = known.get(_key(judged))
        if former is None:
            continue
        metric: Metric = "throughput_rps" if judged.cell.level.rate_rps is None else "p99_ms"
        ratio = independent_ratio(_values(judged, metric), _values(former, metric))
        valid = former.valid and judged.valid
        found.append(
            Change(
                former,
                judged,
                metric,
                ratio,
                verdict(ratio, margin=margin, valid=valid, less_is_better=metric == "p99_ms"),
            )
        )
    return tuple(found)


def _key(judged: JudgedCell) -> tuple[str, str, Level]:
    return judged.cell.workload.name, judged.cell.variant.name, judged.cell.level


def _values(judged: JudgedCell, metric: Metric) -> list[float]:
    return [value for trial in judged.cell.trials if (value := getattr(trial, metric)) is not None]


def _facts(findings: Findings) -> dict[str, Any]:
    manifest = findings.run.manifest
    machine, plan = manifest.machine, manifest.plan
    return {
        **{fact.replace("_", " "): machine.get(fact) for fact in MACHINE_FACTS},
        **machine.get("packages", {}),
        **{f"server: {option}": value for option, value in manifest.server.items()},
        "placement": str(manifest.placement),
        "database": manifest.database,
        "target": manifest.target,
        "load processes": plan.load_processes,
        "warm-up": f"{plan.warmup_s:g} s",
        "window": f"{plan.window_s:g} s",
    }


def _spelled(value: object) -> str:
    return "unknown" if value is None else str(value)
