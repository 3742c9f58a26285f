"""What describes a chart: where it stands on the page, and which sketches it makes of a part of the findings.

One file a chart, in `harness/report/charts/`. A file takes part by binding a `ChartRule` to the module's name `chart`;
nothing else has to know of it.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from typing import Final

from harness.exceptions import BenchError
from harness.judge.findings import Findings, JudgedCell, JudgedComparison
from harness.plan.knobs import varied
from harness.plan.level import Level
from harness.plan.plan import Plan, PlannedWorkload
from harness.report import wording
from harness.report.chart import Sketch
from harness.stats import figures

PACKAGE: Final = "harness.report.charts"


class Place(Enum):
    """Where a chart stands on the page, and with that, how often it is drawn and of which part."""

    OVERVIEW = auto()
    """Once, below all verdicts; of the whole run."""
    LEVEL = auto()
    """With each workload, once for each level; of that level."""
    WORKLOAD = auto()
    """With each workload, below the charts of its levels; of that workload."""
    OVER_TIME = auto()
    """With each workload, folded, once for each level; of that level."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a run's findings: all of them, those of one workload, or those of one workload at one level.

    `stem` ends a chart's file name, so that no other part has the same file; it is empty for the whole run. The part of
    a workload or a level has at least one cell. Cells and comparisons are those of the plan's levels: the step at an
    equal rate has levels of its own.
    """

    findings: Findings
    stem: str
    cells: tuple[JudgedCell, ...]
    comparisons: tuple[JudgedComparison, ...]

    @property
    def plan(self) -> Plan:
        return self.findings.run.manifest.plan

    @property
    def workload(self) -> PlannedWorkload:
        """The workload of the part; of the whole run, the first."""
        return self.cells[0].cell.workload

    @property
    def level(self) -> Level:
        """The level of the part; of a workload or the whole run, the first."""
        return self.cells[0].cell.level

    def card(self, comparisons: Sequence[JudgedComparison]) -> str:
        """Return the text below a chart: these comparisons with their verdicts, then blocks, machine and date."""
        manifest = self.findings.run.manifest
        several = len({judged.comparison.pair.workload for judged in comparisons}) > 1
        levels = len({judged.comparison.level for judged in comparisons}) > 1

        def beside(judged: JudgedComparison) -> str:
            return f" at {wording.condition(judged.comparison.level, manifest.plan)}" if levels else ""

        lines = [
            f"{judged.comparison.pair.workload + ' ' if several else ''}"
            f"{judged.comparison.pair.contender}/{judged.comparison.pair.baseline}{beside(judged)} {judged.verdict} "
            f"{figures.ratio(judged.comparison.ratio)} ({figures.ratio_interval(judged.comparison.ratio)}, "
            f"n = {judged.comparison.blocks})"
            for judged in comparisons
        ]
        where = manifest.machine.in_short
        incomplete = "" if self.findings.run.is_complete else " INCOMPLETE RUN."
        blocks = f"{wording.blocks_of(manifest.schedule)}, 95 % intervals."
        verdicts = f"{';  '.join(lines)}.  " if lines else ""
        return f"{verdicts}{blocks}{incomplete}  {where}, {manifest.started:%Y-%m-%d}, profile {manifest.plan.profile}."


@dataclass(frozen=True, slots=True)
class ChartRule:
    """A chart as its file describes it.

    `sketches` yields a sketch for each picture that is drawn of a part, and none where the chart has nothing to show.
    Of two charts in the same place, the one of lower `order` comes first.
    """

    place: Place
    order: int
    sketches: Callable[[Part], Iterable[Sketch]]


@cache
def discover() -> tuple[ChartRule, ...]:
    """Return the rule of each file of `harness/report/charts/`, by order and then by file name.

    Raises:
        BenchError: a file there describes no chart.
    """
    package = importlib.import_module(PACKAGE)
    found: list[ChartRule] = []
    for module_info in pkgutil.iter_modules(package.__path__):
        rule = getattr(importlib.import_module(f"{PACKAGE}.{module_info.name}"), "chart", None)
        if not isinstance(rule, ChartRule):
            raise BenchError(f"harness/report/charts/{module_info.name}.py: bind a ChartRule to the name `chart`.")
        found.append(rule)
    return tuple(sorted(found, key=lambda rule: rule.order))


def sketch_overview(findings: Findings) -> list[Sketch]:
    """Return the sketches of the whole run."""
    levels = findings.run.manifest.plan.levels
    cells = tuple(judged for judged in findings.cells if judged.cell.level in levels)
    return _sketch(Place.OVERVIEW, [Part(findings, "", cells, findings.comparisons)])


def sketch_workload(findings: Findings, workload: PlannedWorkload) -> list[Sketch]:
    """Return the sketches of one workload: those of each level, then those of all its levels together."""
    cells = findings.cells_of(workload)
    whole = [Part(findings, workload.name, cells, findings.comparisons_of(workload))] if cells else []
    return [*_sketch(Place.LEVEL, _by_level(findings, workload)), *_sketch(Place.WORKLOAD, whole)]


def sketch_over_time(findings: Findings, workload: PlannedWorkload) -> list[Sketch]:
    """Return the sketches of what happened when, for each level of one workload."""
    return _sketch(Place.OVER_TIME, _by_level(findings, workload))


def slug(text: str) -> str:
    """Return a text as the end of a file name: its words and numbers, a hyphen before each."""
    return "".join(f"-{word}" for word in re.findall(r"[a-z0-9]+", text.lower()))


def _sketch(place: Place, parts: Iterable[Part]) -> list[Sketch]:
    rules = [rule for rule in discover() if rule.place is place]
    return [sketch for part in parts for rule in rules for sketch in rule.sketches(part)]


def _by_level(findings: Findings, workload: PlannedWorkload) -> list[Part]:
    plan = findings.run.manifest.plan
    parts = [
        Part(
            findings,
            _stem(workload, level, plan),
            tuple(judged for judged in findings.cells_of(workload) if judged.cell.level == level),
            tuple(judged for judged in findings.comparisons_of(workload) if judged.comparison.level == level),
        )
        for level in plan.levels
    ]
    return [part for part in parts if part.cells]


def _stem(workload: PlannedWorkload, level: Level, plan: Plan) -> str:
    """Return what tells the files of this workload's level from those of the others."""
    if len(plan.levels) == 1:
        return workload.name
    knobs = slug(str(level.knobs)) if varied(each.knobs for each in plan.levels) else ""
    return f"{workload.name}-{level.size:g}-{'users' if level.rate_rps is None else 'rps'}{knobs}"
