"""The report of a crossover search: the answer in words, two charts, one page, one table in the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from rich.console import Console
from rich.markup import escape

from harness.judge.crossing import RESOLUTION, Crossing
from harness.judge.crossover import FILE, LEVELS, CrossoverResult, Step, to_summary
from harness.judge.findings import JudgedCell
from harness.judge.verdict import Verdict
from harness.record.run import CHARTS, PAGE, SUMMARY, to_json
from harness.report import wording
from harness.report.chart import Chart, Sketch, draw_chart
from harness.report.marks import GRID, INK, PAPER, Look, looks_of
from harness.report.rendering import rendered
from harness.report.terminal import STYLES, plain_table
from harness.stats import figures

STEPS: Final = [step * 10**power for power in range(-2, 7) for step in (1, 2, 5)]
FINE_STEPS: Final = [step * 10**power for power in range(-2, 7) for step in (1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9)]
FEW_TICKS: Final = 4
RATIOS: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.8, 0.9, 1, 1.1, 1.25, 2, 5, 10, 20, 50, 100)
FEW_RATIOS: Final = (0.01, 0.1, 0.5, 1, 2, 10, 100)
LONG_RATIO: Final = 12
CLOSE_RATIO: Final = 2


def write_crossover(directory: Path, curves: CrossoverResult) -> None:
    """Write page, charts and summary of the search into the directory."""
    drawn = (_throughput(curves), _ratio(curves))
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
        closed_loop=_loop(curves),
        resolution=RESOLUTION,
        say=wording,
        figures=figures,
        file=FILE,
        levels=LEVELS,
        summary=SUMMARY,
    )
    (directory / PAGE).write_text(page, encoding="utf-8")


# In words


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


def _loop(curves: CrossoverResult) -> str:
    users = curves.sought.users
    return "closed loop" if users is None else f"{wording.level_of('users', users)}, closed loop"


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
    table = plain_table(f"{sought.workload.name}: requests a second, and {pair} ({_loop(curves)})")
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


# Drawn


def _card(curves: CrossoverResult) -> str:
    sought, machine = curves.sought, curves.sought.machine
    return "  ".join(
        [
            *answers(curves),
            *([] if curves.is_complete else ["INCOMPLETE SEARCH."]),
            f"n = {sought.blocks} blocks a level, {2 * sought.blocks} where it was measured again; {_loop(curves)}; "
            f"95 % intervals; windows of {sought.window_s:g} s or more. {machine.in_short}, "
            f"{sought.started:%Y-%m-%d}.",
        ]
    )


def _title(curves: CrossoverResult, what: str) -> str:
    over = "users" if curves.sought.over == "users" else "the declared wait"
    return f"{curves.sought.workload.name}: {what} over {over} ({_loop(curves)})"


def _throughput(curves: CrossoverResult) -> Chart:
    name = f"crossover-{curves.sought.workload.name}"
    title = _title(curves, "requests a second")
    return draw_chart(Sketch(name, title, _card(curves), 3.6, lambda axes: _draw_throughput(axes, curves)))


def _ratio(curves: CrossoverResult) -> Chart:
    sought = curves.sought
    name = f"ratio-{sought.workload.name}"
    title = _title(curves, f"{sought.contender} / {sought.baseline}, requests a second,")
    return draw_chart(Sketch(name, title, _card(curves), 2.7, lambda axes: _draw_ratio(axes, curves)))


def _looks(curves: CrossoverResult) -> tuple[Look, Look]:
    baseline, contender = looks_of(variant.kind for variant in curves.sought.workload.variants)
    return baseline, contender


def _draw_throughput(axes: Axes, curves: CrossoverResult) -> None:
    """Draw both curves with bands for their intervals, and dots for their bounds."""
    sought = curves.sought
    heights = []
    for variant, look in zip(sought.workload.variants, _looks(curves), strict=True):
        own = [step.baseline if variant.name == sought.baseline else step.contender for step in curves.steps]
        seen = [
            (step.level, estimate)
            for step, judged in zip(curves.steps, own, strict=True)
            if (estimate := judged.cell.throughput_rps) is not None
        ]
        levels, estimates = [level for level, _ in seen], [estimate for _, estimate in seen]
        axes.plot(
            levels,
            [estimate.value for estimate in estimates],
            color=look.colour,
            linestyle=look.dash,
            linewidth=1.8,
            marker=look.marker,
            markersize=5.5,
            markerfacecolor=PAPER if look.hollow else look.colour,
            label=variant.name,
        )
        axes.fill_between(
            levels,
            [estimate.value if estimate.low is None else estimate.low for estimate in estimates],
            [estimate.value if estimate.high is None else estimate.high for estimate in estimates],
            color=look.colour,
            alpha=0.2,
            linewidth=0,
        )
        struck = [
            (step.level, estimate.value)
            for step, judged in zip(curves.steps, own, strict=True)
            if not judged.valid and (estimate := judged.cell.throughput_rps) is not None
        ]
        axes.plot(
            [level for level, _ in struck],
            [value for _, value in struck],
            linestyle="none",
            marker="x",
            markersize=8,
            color=INK,
            zorder=5,
        )
        heights += [estimate.value for estimate in estimates]
        bounds = [(level, bound.rps) for level in _between(sought.low, sought.high)
                  if (bound := curves.bound(variant.name, level)) is not None]  # fmt: skip
        if bounds:
            axes.plot(*zip(*bounds, strict=True), color=look.colour, linewidth=1.4, linestyle=":")
    axes.set_yscale("log")
    _mark_crossings(axes, curves, bounds=curves.sought.workload.wait_s is not None)
    if heights:
        # A bound far above the measured throughput would press the curves together.
        axes.set_ylim(min(heights) / 1.6, max(heights) * 2.5)
    _plain(axes, "y", STEPS)
    axes.set_ylabel("requests a second (log)")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), handlelength=2.6)


def _draw_ratio(axes: Axes, curves: CrossoverResult) -> None:
    """Draw the ratio of each level with its interval, filled in the colour of the variant that it favours."""
    sought, (baseline, contender) = curves.sought, _looks(curves)
    axes.axhspan(1 / (1 + sought.margin), 1 + sought.margin, color=GRID, alpha=0.7, linewidth=0)
    axes.axhline(1, color=INK, linewidth=1)
    ends = [1 / 1.15, 1.15]
    for step in curves.steps:
        estimate = step.ratio
        if estimate is None:
            continue
        favoured = step.point.favours
        look = {"baseline": baseline, "contender": contender, None: None}[favoured]
        colour, marker = (look.colour, look.marker) if look else (INK, "o")
        if estimate.low is not None and estimate.high is not None:
            axes.plot([step.level] * 2, [estimate.low, estimate.high], color=colour, linewidth=2, zorder=3)
            ends += [max(estimate.low, estimate.value / 5), min(estimate.high, estimate.value * 5)]
        axes.plot(
            step.level,
            estimate.value,
            marker="x" if step.comparison.verdict is Verdict.INVALID else marker,
            markersize=6,
            color=colour,
            markerfacecolor=colour if look else PAPER,
            zorder=4,
        )
        ends.append(estimate.value)
    axes.set_yscale("log")
    _mark_crossings(axes, curves, bounds=False)
    axes.set_ylim(min(ends) / 1.1, max(ends) * 1.1)
    low, high = axes.get_ylim()
    fewer = FEW_RATIOS if high / low > LONG_RATIO else RATIOS
    ticks = [tick for tick in fewer if low <= tick <= high and (high / low < CLOSE_RATIO or tick not in (0.9, 1.1))]
    axes.set_yticks(ticks, [f"{tick:g}×" for tick in ticks])
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_ylabel(f"↑ {sought.contender} better  (log)")
    for look, name in ((contender, sought.contender), (baseline, sought.baseline)):
        axes.plot([], [], linestyle="none", marker=look.marker, color=look.colour, label=f"{name} is better")
    axes.plot([], [], linestyle="none", marker="o", color=INK, markerfacecolor=PAPER, label="undecided")
    if any(step.comparison.verdict is Verdict.INVALID for step in curves.steps):
        axes.plot([], [], linestyle="none", marker="x", color=INK, label="invalid")
    axes.legend(
        loc="center left", bbox_to_anchor=(1.0, 0.5), title=f"band at 1×: {sought.margin:.0%}", title_fontsize=9
    )


def _mark_crossings(axes: Axes, curves: CrossoverResult, *, bounds: bool) -> None:
    """Draw each crossing with its interval, the saturation point, and the levels along the axis."""
    sought = curves.sought
    axes.set_xscale("log")
    axes.set_xlim(sought.low / 1.08, sought.high * 1.08)
    for crossing in curves.crossings:
        axes.axvspan(crossing.low, crossing.high, color=INK, alpha=0.1, linewidth=0)
        axes.axvline(crossing.level, color=INK, linewidth=1.4, linestyle=(0, (5, 3)))
    if (saturation := curves.saturation) is not None:
        axes.axvline(saturation.level, color=INK, linewidth=1, linestyle=":")
    _plain(axes, "x", STEPS)
    unit = "users" if sought.over == "users" else "declared wait, ms"
    shown = ["shaded: the crossover"] if curves.crossings else []
    shown += [f"dotted: {'bounds, and ' if bounds else ''}the saturation point N*"] if saturation else []
    shown += ["dotted: bounds"] if bounds and not saturation else []
    axes.set_xlabel("; ".join([f"{unit} (log)", *shown]))


def _plain(axes: Axes, which: str, steps: Sequence[float]) -> None:
    """Label a logarithmic axis with plain numbers, closer together where it is short."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    low, high = axes.get_xlim() if which == "x" else axes.get_ylim()
    inside = [step for step in steps if low <= step <= high]
    if len(inside) < FEW_TICKS:
        inside = [step for step in FINE_STEPS if low <= step <= high]
    if high / low > 1e4:
        inside = [step for step in inside if math.log10(step).is_integer()]
    axis.set_major_locator(FixedLocator(inside))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
    axis.set_minor_locator(NullLocator())


def _between(low: int, high: int, count: int = 100) -> list[int]:
    """Return levels that are close enough together for a line."""
    return sorted({round(low * (high / low) ** (index / count)) for index in range(count + 1)})


def _value(judged: JudgedCell) -> float | None:
    return None if judged.cell.throughput_rps is None else judged.cell.throughput_rps.value
