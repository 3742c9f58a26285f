"""Verdicts: every comparison as ratio and interval, on a log axis with the margin shaded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter, NullLocator

from harness.judge.findings import JudgedComparison
from harness.plan.plan import Plan
from harness.report import wording
from harness.report.chart import Sketch
from harness.report.chart_rule import ChartRule, Part, Place
from harness.report.marks import COLOURS, GRID, INK, MARKERS
from harness.stats import figures

LONG_RATIO: Final = 40


def sketches(part: Part) -> Iterator[Sketch]:
    """Yield the chart of the run, if it compares anything."""
    if part.comparisons:
        yield Sketch(
            name="verdicts",
            title=f"Contender / baseline, {wording.metric(part.plan)} ({wording.levels(part.plan)})",
            card=part.card([]),
            height_in=0.9 + 0.3 * len(part.comparisons),
            draw=partial(draw, comparisons=part.comparisons, plan=part.plan),
        )


def draw(axes: Axes, comparisons: Sequence[JudgedComparison], plan: Plan) -> None:
    """Draw a ratio and its interval a row, with the margin shaded and the verdict beside it."""
    margin = plan.margin
    axes.axvspan(1 / (1 + margin), 1 + margin, color=GRID, alpha=0.7, linewidth=0)
    axes.axvline(1, color=INK, linewidth=1)
    labels, ends = [], [1 / 1.3, 1.3]
    for row, judged in enumerate(comparisons):
        comparison, pair = judged.comparison, judged.comparison.pair
        label = f"{pair.workload}: {pair.contender} / {pair.baseline}"
        several = len(plan.levels) > 1
        labels.append(f"{label}, {wording.condition(comparison.level, plan)}" if several else label)
        estimate = comparison.ratio
        spelled = f"{judged.verdict} {figures.ratio(estimate)}"
        axes.text(1.01, row, spelled, va="center", transform=axes.get_yaxis_transform())
        if estimate is None:
            continue
        colour = COLOURS[comparison.contender.variant.kind]
        if estimate.low is not None and estimate.high is not None:
            axes.plot([estimate.low, estimate.high], [row, row], color=colour, linewidth=2.4, solid_capstyle="butt")
            ends += [estimate.low, estimate.high]
        axes.plot(estimate.value, row, marker=MARKERS[comparison.contender.variant.kind], color=colour, markersize=7)
        ends.append(estimate.value)
    axes.set_xscale("log")
    axes.set_xlim(max(min(ends) / 1.25, 1e-4), max(ends) * 1.25)
    span = max(ends) / min(ends)
    candidates = (0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.8, 1, 1.25, 2, 5, 10, 20, 50, 100)
    coarse = (0.001, 0.01, 0.1, 0.5, 1, 2, 10, 100)
    low, high = axes.get_xlim()
    ticks = [tick for tick in (coarse if span > LONG_RATIO else candidates) if low <= tick <= high]
    axes.set_xticks(ticks, [f"{tick:g}×" for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_yticks(range(len(comparisons)), labels)
    axes.set_ylim(len(comparisons) - 0.4, -0.6)
    axes.grid(False, axis="y")
    axes.tick_params(axis="y", length=0)
    less, more = ("better", "worse") if comparisons[0].comparison.metric == "p99_ms" else ("worse", "better")
    axes.set_xlabel(f"{less}  ←  ratio (log), 95 % interval; shaded: within the margin of {margin:.0%}  →  {more}")


chart: Final = ChartRule(Place.OVERVIEW, order=10, sketches=sketches)
