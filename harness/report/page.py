"""The page: one self-contained file, offline and printable, from the findings alone."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from markupsafe import Markup

from harness.exceptions import BenchError
from harness.judge import guards
from harness.judge.findings import Findings, JudgedCell, JudgedClaim, JudgedComparison, find
from harness.judge.verdict import Verdict
from harness.machine.core import FULL_CORE
from harness.plan.metric import PERCENTS, TAIL_PERCENT
from harness.plan.plan import PlannedWorkload
from harness.record.disturbance import REJECT
from harness.record.run import Verification, read_run, to_json
from harness.record.run_directory import CHARTS, PAGE, SUMMARY
from harness.report import wording
from harness.report.chart import Chart, Sketch, Spread, draw_chart, one_by_one
from harness.report.chart_rule import sketch_over_time, sketch_overview, sketch_workload
from harness.report.rendering import rendered
from harness.report.summary_json import to_summary
from harness.report.wait_bars import bars_of
from harness.stats import figures


@dataclass(frozen=True, slots=True)
class Section:
    """The part of the page about one workload."""

    workload: PlannedWorkload
    cells: tuple[JudgedCell, ...]
    comparisons: tuple[JudgedComparison, ...]
    iso: tuple[JudgedComparison, ...]
    claims: tuple[JudgedClaim, ...]
    verifications: dict[str, Verification]
    charts: tuple[Chart, ...]
    timelines: tuple[Chart, ...]
    open_cells: tuple[JudgedCell, ...]
    """Every cell of the workload with an open loop, those of the step at an equal rate included."""


def write_report(directory: Path, spread: Spread = one_by_one) -> Findings:
    """Judge the run in `directory` and write its page, charts and summary into it; `spread` draws the charts."""
    findings = find(read_run(directory))
    summary = to_summary(findings)
    workloads = findings.run.manifest.plan.workloads
    above = sketch_overview(findings)
    shown = {workload.name: sketch_workload(findings, workload) for workload in workloads}
    over_time = {workload.name: sketch_over_time(findings, workload) for workload in workloads}
    # Draw the slowest charts first: processes that work in parallel then finish at about the same time.
    sketches = [*chain.from_iterable(over_time.values()), *above, *chain.from_iterable(shown.values())]
    _check_names(sketches)
    charts = {chart.name: chart for chart in spread(draw_chart, sketches)}
    overview = [charts[sketch.name] for sketch in above]
    sections = tuple(
        _section(
            findings,
            workload,
            charts=tuple(charts[sketch.name] for sketch in shown[workload.name]),
            timelines=tuple(charts[sketch.name] for sketch in over_time[workload.name]),
        )
        for workload in workloads
    )
    folder = directory / CHARTS
    folder.mkdir(exist_ok=True)
    for chart in charts.values():
        (folder / f"{chart.name}.png").write_bytes(chart.png)
    (directory / SUMMARY).write_text(to_json(summary) + "\n", encoding="utf-8")
    (directory / PAGE).write_text(render(findings, summary, sections, overview), encoding="utf-8")
    return findings


def _check_names(sketches: Sequence[Sketch]) -> None:
    """Raise BenchError if two charts have the same name: one would overwrite the other's file."""
    twice = [name for name, count in Counter(sketch.name for sketch in sketches).items() if count > 1]
    if twice:
        raise BenchError(f"harness/report/charts/: more than one chart has the file name {twice[0]}.png.")


def _section(
    findings: Findings, workload: PlannedWorkload, *, charts: tuple[Chart, ...], timelines: tuple[Chart, ...]
) -> Section:
    return Section(
        workload=workload,
        cells=findings.cells_of(workload),
        comparisons=findings.comparisons_of(workload),
        iso=findings.iso_of(workload),
        claims=tuple(judged for judged in findings.claims if judged.workload == workload.name),
        verifications={
            verification.variant: verification
            for verification in findings.run.manifest.verifications
            if verification.workload == workload.name
        },
        charts=charts,
        timelines=timelines,
        open_cells=tuple(
            judged
            for judged in findings.cells
            if judged.cell.workload.name == workload.name and judged.cell.level.rate_rps is not None
        ),
    )


def render(findings: Findings, summary: dict[str, Any], sections: Sequence[Section], overview: Sequence[Chart]) -> str:
    """Return the page as HTML."""
    manifest = findings.run.manifest
    return rendered(
        "page.html.j2",
        findings=findings,
        manifest=manifest,
        plan=manifest.plan,
        sections=sections,
        overview=[(chart, Markup(chart.svg)) for chart in overview],
        headline=findings.headline,
        invalid=[judged for judged in findings.cells if not judged.valid],
        warnings=_warnings(findings),
        unrest=[wording.unrest(found) for found in findings.unrest],
        kept_disturbed=[block for block in findings.disturbed if not block.rejected],
        seen=wording.smallest_difference(manifest.validation, manifest.plan),
        guards=guards,
        full_core=FULL_CORE,
        foreign_limit=REJECT["foreign CPU"],
        probes=_fewest_probes,
        percents=PERCENTS,
        tail_percents=tuple(dict.fromkeys((*PERCENTS, TAIL_PERCENT))),
        causes={judged.cell.key: judged.cause for judged in findings.cells},
        tally=tally(findings.headline),
        svg=lambda chart: Markup(chart.svg),
        say=wording,
        bars_of=bars_of,
        figures=figures,
        several_levels=len(manifest.plan.levels) > 1,
        embedded=Markup(json.dumps(summary, ensure_ascii=False).replace("<", "\\u003c")),
    )


def _fewest_probes(section: Section) -> int:
    """Return the smallest number of probes of a victim, over all of the section's variants."""
    return min((victim.latency.n for judged in section.cells for victim in judged.cell.victims.values()), default=0)


def _warnings(findings: Findings) -> list[tuple[str, str]]:
    """Return each warning that leaves the verdict, with the cells or comparisons that it is about."""
    several = len(findings.run.manifest.plan.levels) > 1
    cells: dict[tuple[str, str], list[str]] = {}
    for judged in findings.cells:
        level = f" ({judged.cell.level})" if several else ""
        for warning in judged.warnings:
            if not warning.invalidates:
                name = f"{judged.cell.workload.name}/{judged.cell.variant.name}"
                cells.setdefault((warning.sentence, level), []).append(name)
    for comparison in (*findings.comparisons, *findings.iso):
        level = f" ({comparison.comparison.level})" if several else ""
        pair = comparison.comparison.pair
        for warning in comparison.warnings:
            cells.setdefault((warning.sentence, level), []).append(f"{pair.workload}: {pair.contender}/{pair.baseline}")
    return [(sentence, f"{', '.join(names)}{level}") for (sentence, level), names in cells.items()]


def tally(comparisons: Sequence[JudgedComparison]) -> list[tuple[str, list[str]]]:
    """Group the workloads by verdict, for the page's first sentence."""
    by_verdict: dict[Verdict, list[str]] = {}
    for judged in comparisons:
        by_verdict.setdefault(judged.verdict, []).append(judged.comparison.pair.workload)
    return [(str(verdict), by_verdict[verdict]) for verdict in Verdict if verdict in by_verdict]
