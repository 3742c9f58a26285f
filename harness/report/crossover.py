"""The report of a crossover search: the answer in words, two charts, one page, one table in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup
from rich.console import Console
from rich.markup import escape

from harness.judge.crossing import MOST_FURTHER, RESOLUTION, Crossing
from harness.judge.crossover import FILE, LEVELS, CrossoverResult, Step, to_summary
from harness.judge.findings import JudgedCell
from harness.judge.verdict import Verdict
from harness.record.run import to_json
from harness.record.run_directory import CHARTS, PAGE, SUMMARY
from harness.report import wording
from harness.report.crossover_charts import ratio_chart, throughput_chart
from harness.report.rendering import rendered
from harness.report.terminal import STYLES, plain_table
from harness.stats import figures


def write_crossover(directory: Path, curves: CrossoverResult) -> None:
    """Write page, charts and summary of the search into the directory."""
    card = _card(curves)
    drawn = (throughput_chart(curves, card), ratio_chart(curves, card))
    charts = directory / CHARTS
    charts.mkdir(exist_ok=True)
    for chart in drawn:
        (charts / f"{chart.name}.png").write_bytes(chart.png)
    (directory / SUMMARY).write_text(to_json(to_summary(curves)), encoding="utf-8")
    page = rendered(
        "crossover.html.j2",
        curves=curves,
        sought=curves.sought,
        answers=answers(curves),
        theory=theory(curves),
        charts=[(chart, Markup(chart.svg)) for chart in drawn],
        problems=_problems(curves),
        invalid=sum(step.comparison.verdict is Verdict.INVALID for step in curves.steps),
        warnings=_warnings(curves),
        favours=_favours,
        level_of=lambda level: wording.level_of(curves.sought.over, level),
        span=wording.between(curves.sought.over, curves.sought.low, curves.sought.high),
        closed_loop=wording.closed_loop(curves.sought.users),
        resolution=RESOLUTION,
        refinements=MOST_FURTHER,
        say=wording,
        figures=figures,
        file=FILE,
        levels=LEVELS,
        summary=SUMMARY,
    )
    (directory / PAGE).write_text(page, encoding="utf-8")


def answers(curves: CrossoverResult) -> list[str]:
    """Return the result: a sentence for each crossing, or one sentence if there is none."""
    found = [_crossed(curves, crossing) for crossing in curves.crossings]
    return found or [_none(curves)]


def _crossed(curves: CrossoverResult, crossing: Crossing) -> str:
    sought, over = curves.sought, curves.sought.over
    before, after = getattr(sought, crossing.before), getattr(sought, crossing.after)
    ends = "; ".join(
        f"{figures.ratio(step.ratio)} ({figures.ratio_interval(step.ratio)}) at {wording.level_of(over, step.level)}"
        for step in curves.steps
        if step.level in (crossing.low, crossing.high)
    )
    return (
        f"{after} overtakes {before} at about {wording.level_of(over, crossing.level)}, between {crossing.low:,} and "
        f"{wording.level_of(over, crossing.high)} ({sought.contender} / {sought.baseline}: {ends})."
    )


def _none(curves: CrossoverResult) -> str:
    sought = curves.sought
    span = wording.between(sought.over, sought.low, sought.high)
    by_side = {
        getattr(sought, favoured): [step.level for step in curves.steps if step.point.favours == favoured]
        for favoured in ("baseline", "contender")
    }
    better = next(((name, levels) for name, levels in by_side.items() if levels), None)
    rest = {
        kind: [step.level for step in curves.steps if step.point.favours is None and step.comparison.verdict is kind]
        for kind in (Verdict.TIE, Verdict.INCONCLUSIVE, Verdict.INVALID)
    }
    said = {
        Verdict.TIE: f"they tie (within {sought.margin:.0%})",
        Verdict.INCONCLUSIVE: "nothing is decided",
        Verdict.INVALID: "the level is invalid",
    }
    others = "; ".join(f"at {_listed(curves, levels)} {said[kind]}" for kind, levels in rest.items() if levels)
    if len(rest[Verdict.INVALID]) == len(curves.steps):
        return f"No answer for {span}: every level is invalid."
    found = "was found in" if rest[Verdict.INVALID] or rest[Verdict.INCONCLUSIVE] else "in"
    if better is None:
        return f"No crossover {found} range ({span}), and neither is clearly better: {others}."
    name, levels = better
    if not others:
        return f"No crossover {found} range ({span}): {name} is better throughout."
    return f"No crossover {found} range ({span}): {name} is better at {_listed(curves, levels)}; {others}."


def _listed(curves: CrossoverResult, levels: Sequence[int]) -> str:
    *first, last = levels
    spelled = wording.level_of(curves.sought.over, last)
    return f"{', '.join(f'{level:,}' for level in first)} and {spelled}" if first else spelled


def theory(curves: CrossoverResult) -> str | None:
    """Return the saturation point N* within the range, in a sentence; None where there is none."""
    saturation = curves.saturation
    if saturation is None:
        return None
    level = wording.level_of(curves.sought.over, saturation.level)
    return (
        f"In theory both have the same bound up to {level}, and beyond it {saturation.variant} has the lower one: "
        f"{saturation.bound.limit} ({saturation.bound.formula} = {saturation.bound.rps:,.0f} req/s)."
    )


def _favours(curves: CrossoverResult, step: Step) -> str:
    favoured = step.point.favours
    return str(step.comparison.verdict) if favoured is None else str(getattr(curves.sought, favoured))


def _problems(curves: CrossoverResult) -> list[tuple[str, str]]:
    """Return every guard that makes a level invalid, with the variant and levels that it is about."""
    return _sentences(curves, invalidating=True)


def _problem(step: Step) -> str | None:
    """Return the first reason why a level is invalid; None where it is valid."""
    for judged in (step.baseline, step.contender):
        for warning in judged.warnings:
            if warning.invalidates:
                return f"{judged.cell.variant.name}: {warning.sentence}"
    return None


def _warnings(curves: CrossoverResult) -> list[tuple[str, str]]:
    """Return every other warning, with the variant and levels that it is about."""
    return _sentences(curves, invalidating=False)


def _sentences(curves: CrossoverResult, *, invalidating: bool) -> list[tuple[str, str]]:
    levels: dict[tuple[str, str], list[int]] = {}
    for step in curves.steps:
        found = [(judged.cell.variant.name, judged.warnings) for judged in (step.baseline, step.contender)]
        for name, warnings in (*found, ("their ratio", step.comparison.warnings)):
            for warning in warnings:
                if warning.invalidates is invalidating:
                    levels.setdefault((warning.sentence, name), []).append(step.level)
    return [(sentence, f"{name}, {_listed(curves, at)}") for (sentence, name), at in levels.items()]


def print_crossover(curves: CrossoverResult, console: Console) -> None:
    """Print the answer, and both variants at each level."""
    sought = curves.sought
    pair = f"{sought.contender} / {sought.baseline}"
    table = plain_table(f"{sought.workload.name}: requests a second, and {pair} ({wording.closed_loop(sought.users)})")
    for name in ("users" if sought.over == "users" else "wait ms", sought.baseline, sought.contender, "ratio"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("95 % interval", justify="right", no_wrap=True)
    table.add_column("better", no_wrap=True)
    for step in curves.steps:
        style = STYLES[step.comparison.verdict] if step.point.favours is None else "bold"
        table.add_row(
            f"{step.level:,}",
            *(figures.count(_value(judged)) for judged in (step.baseline, step.contender)),
            figures.ratio(step.ratio),
            figures.ratio_interval(step.ratio),
            f"[{style}]{_favours(curves, step)}[/]",
        )
    console.print()
    console.print(table)
    console.print()
    for step in curves.steps:
        if (problem := _problem(step)) is not None:
            level = wording.level_of(sought.over, step.level)
            console.print(f"[bold magenta]INVALID[/] {level}, {escape(problem)}")
    if not curves.is_complete:
        console.print(f"[yellow]The search did not end: {_counted(curves)}.[/]")
    for sentence in answers(curves):
        console.print(f"[bold]{escape(sentence)}[/]")
    if (expected := theory(curves)) is not None:
        console.print(expected)


def _counted(curves: CrossoverResult) -> str:
    return "1 level was measured" if len(curves.steps) == 1 else f"{len(curves.steps)} levels were measured"


def _card(curves: CrossoverResult) -> str:
    sought, machine = curves.sought, curves.sought.machine
    return "  ".join(
        [
            *answers(curves),
            *([] if curves.is_complete else ["INCOMPLETE SEARCH."]),
            f"n = {sought.blocks} blocks a level, {2 * sought.blocks} where it was measured again; "
            f"{wording.closed_loop(sought.users)}; 95 % intervals; windows of {sought.window_s:g} s or more. "
            f"{machine.in_short}, {sought.started:%Y-%m-%d}.",
        ]
    )


def _value(judged: JudgedCell) -> float | None:
    return None if judged.cell.throughput_rps is None else judged.cell.throughput_rps.value
