"""The verdict table and the list of workloads for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench_app.workload import Workload
from harness.judge.findings import Findings, JudgedComparison, JudgedSetting
from harness.judge.verdict import Verdict
from harness.plan.plan import Plan
from harness.report import wording
from harness.stats import figures

STYLES: Final = {
    Verdict.WIN: "bold green",
    Verdict.LOSS: "bold red",
    Verdict.TIE: "bold",
    Verdict.LEAN: "yellow",
    Verdict.INCONCLUSIVE: "dim",
    Verdict.INVALID: "bold magenta",
}

REASONS_SHOWN: Final = 3


def plain_table(title: str | None = None) -> Table:
    """Return an empty table in the common style: no lines, and narrow."""
    return Table(
        title=title,
        title_style="bold",
        title_justify="left",
        box=None,
        pad_edge=False,
        collapse_padding=True,
        header_style="dim",
    )


def verdict_table(findings: Findings) -> Table:
    """Return the verdicts: a paragraph for each workload, a line for each comparison, at most 80 columns wide."""
    plan = findings.run.manifest.plan
    table = plain_table(f"{wording.metric(plan).capitalize()}: contender against baseline ({wording.levels(plan)})")
    table.add_column("contender / baseline", no_wrap=True)
    if len(plan.levels) > 1:
        table.add_column(wording.condition_heading(plan), justify="right", no_wrap=True)
    table.add_column("ratio", justify="right", no_wrap=True)
    table.add_column("95 % interval", justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("bystander\np99 ms", justify="right")
    before = None
    for judged in findings.comparisons:
        comparison, pair = judged.comparison, judged.comparison.pair
        if pair.workload != before:
            table.add_row(f"[bold]{pair.workload}[/]")
            before = pair.workload
        cells = [f"  {pair.contender} / {pair.baseline}"]
        if len(plan.levels) > 1:
            cells.append(wording.condition(comparison.level, plan))
        cells += [figures.ratio(comparison.ratio), figures.ratio_interval(comparison.ratio), _spelled(judged)]
        cells.append(wording.bystanders(comparison))
        table.add_row(*cells)
    return table


def plan_table(plan: Plan) -> Table:
    """Return what a run would measure: each workload, its variants, its level and the number of its trials."""
    table = plain_table()
    for heading in ("workload", "variants", "level"):
        table.add_column(heading)
    table.add_column("trials", justify="right")
    for workload in plan.workloads:
        names = ", ".join(variant.name for variant in workload.variants)
        for level in plan.levels:
            table.add_row(workload.name, names, str(level), _trials(plan, len(workload.variants)))
    for pair in plan.iso_pairs:
        rate = f"{plan.iso_share:.0%} of the slower one's req/s, open loop"
        table.add_row(pair.workload, f"{pair.baseline}, {pair.contender}", rate, _trials(plan, 2))
    return table


def _trials(plan: Plan, variants: int) -> str:
    least, most = plan.blocks * variants, plan.most_blocks * variants
    return f"{least} to {most}" if most > least else str(least)


def iso_table(findings: Findings) -> Table:
    """Return the pairs at an equal rate, a line for each."""
    share = figures.share(findings.run.manifest.plan.iso_share)
    table = plain_table(f"p99 with both variants offered {share} of the slower one's throughput (open loop, Poisson)")
    table.add_column("contender / baseline", no_wrap=True)
    for heading in ("req/s", "p99 ms", "ratio", "95 % interval"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for judged in findings.iso:
        comparison, pair = judged.comparison, judged.comparison.pair
        table.add_row(
            f"{pair.workload}: {pair.contender} / {pair.baseline}",
            f"{comparison.level.size:g}",
            f"{wording.latency(comparison.contender, 99)} / {wording.latency(comparison.baseline, 99)}",
            figures.ratio(comparison.ratio),
            figures.ratio_interval(comparison.ratio),
            _spelled(judged),
        )
    return table


def settings_table(findings: Findings) -> Table:
    """Return each variant with each further setting of the server, compared with its first setting."""
    table = plain_table("The same variant with another setting of the server, compared with the first setting")
    table.add_column("variant", no_wrap=True)
    table.add_column("setting / first", no_wrap=True)
    if several := len({judged.after.cell.level.load for judged in findings.settings}) > 1:
        table.add_column(findings.run.manifest.plan.levels[0].unit, justify="right", no_wrap=True)
    table.add_column("ratio", justify="right", no_wrap=True)
    table.add_column("95 % interval", justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for judged in findings.settings:
        cell = judged.after.cell
        load = [f"{cell.level.size:g}"] if several else []
        table.add_row(
            f"{cell.workload.name}/{cell.variant.name}",
            wording.setting(judged),
            *load,
            figures.ratio(judged.outcome.ratio),
            figures.ratio_interval(judged.outcome.ratio),
            _spelled(judged),
        )
    return table


def _spelled(judged: JudgedComparison | JudgedSetting) -> str:
    return f"[{STYLES[judged.verdict]}]{judged.verdict}[/]"


def print_findings(findings: Findings, console: Console) -> None:
    """Print what is invalid, then the verdicts."""
    invalid = [judged for judged in findings.cells if not judged.valid]
    for judged in invalid:
        cell = judged.cell
        for warning in judged.warnings:
            if warning.invalidates:
                name = f"{cell.workload.name}/{cell.variant.name}"
                console.print(f"[bold magenta]INVALID[/] {escape(name)}, {cell.level}: {escape(warning.sentence)}")
    if count := len(findings.rejected):
        reasons = "; ".join(wording.rejections(findings.rejected, findings.run.manifest.plan)[:REASONS_SHOWN])
        more = f", and {count - REASONS_SHOWN} more on the page" if count > REASONS_SHOWN else ""
        blocks = "1 block" if count == 1 else f"{count} blocks"
        console.print(f"[yellow]{blocks} rejected[/], because the machine was disturbed: {escape(reasons)}{more}.")
    if not findings.run.is_complete:
        planned = len(findings.run.manifest.schedule.trials)
        console.print(f"[yellow]The run did not end: {len(findings.run.trials)} of {planned} trials.[/]")
    if findings.comparisons:
        console.print(verdict_table(findings))
        if findings.iso:
            console.print()
            console.print(iso_table(findings))
    else:
        for judged in findings.cells:
            cell = judged.cell
            throughput = figures.count(cell.throughput_rps.value if cell.throughput_rps else None)
            console.print(
                f"{cell.workload.name}/{cell.variant.name}, {cell.level}: {throughput} req/s "
                f"({figures.interval(cell.throughput_rps)}), p50 {wording.latency(cell, 50)} ms, "
                f"p99 {wording.latency(cell, 99)} ms"
            )
        if not findings.settings:
            console.print("This run measured no pair of variants, so there is no verdict.")
    if findings.settings:
        console.print()
        console.print(settings_table(findings))
    if causes := list(_causes(findings)):
        console.print("\nCauses other than a saturated core:", style="bold")
        for line in causes:
            console.print(line)
    for confirmed in findings.confirmations:
        name = f"{confirmed.confirmation.workload}/{confirmed.confirmation.variant}"
        console.print(f"{name}, {wording.confirmation(confirmed)}.")


def _causes(findings: Findings) -> Iterator[str]:
    """Yield the first cause of each cell that is not as it should be in a few words, unless it is a full core."""
    plan = findings.run.manifest.plan
    for judged in findings.cells:
        told = wording.first_cause(judged.inquiry.diagnosis)
        if told is None or judged.cell.level not in plan.levels:
            continue
        where = f", {wording.condition(judged.cell.level, plan)}" if len(plan.levels) > 1 else ""
        name = f"{judged.cell.workload.name}/{judged.cell.variant.name}{where}"
        yield f"  [bold]{name}[/]: {escape(told)}"


def workload_table(workloads: Iterable[Workload]) -> Table:
    """Return every workload with its variants and what they do."""
    table = Table(box=None, pad_edge=False, header_style="dim", show_lines=False)
    table.add_column("workload", no_wrap=True, style="bold")
    table.add_column("variant", no_wrap=True)
    table.add_column("kind", no_wrap=True)
    table.add_column("what it does")
    for workload in workloads:
        for position, variant in enumerate(workload.variants.values()):
            first = variant.description.partition("\n")[0]
            table.add_row("" if position else workload.name, variant.name, variant.kind, escape(first))
        table.add_section()
    return table
