"""Levels: throughput against load, where the run has more than one load."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullLocator

from harness.judge.findings import JudgedCell
from harness.plan.level import Level
from harness.report import wording
from harness.report.chart import Sketch
from harness.report.chart_rule import ChartRule, Part, Place, slug
from harness.report.marks import PAPER, looks_of_cells


def sketches(part: Part) -> Iterator[Sketch]:
    """Yield a chart for each setting of the server's knobs."""
    plan = part.plan
    if len({level.size for level in plan.levels}) == 1:
        return
    for knobs in dict.fromkeys(level.knobs for level in plan.levels):
        beside = f", {knobs}" if str(knobs) else ""
        headline = part.findings.headline
        yield Sketch(
            name=f"levels-{part.stem}{slug(str(knobs))}",
            title=f"{part.workload.name}: requests a second against load ({wording.levels(plan)}{beside})",
            card=part.card([c for c in headline if c.comparison.pair.workload == part.workload.name]),
            height_in=3.2,
            draw=partial(draw, cells=[judged for judged in part.cells if judged.cell.level.knobs == knobs]),
        )


def draw(axes: Axes, cells: Sequence[JudgedCell]) -> None:
    """Draw throughput against load, with bands for the intervals and dots for the bounds."""
    first = cells[0].cell.level
    variants = [judged for judged in cells if judged.cell.level == first]
    for judged, look in zip(variants, looks_of_cells(variants), strict=True):
        name = judged.cell.variant.name
        mine = [other for other in cells if other.cell.variant.name == name and other.cell.throughput_rps]
        sizes = [other.cell.level.size for other in mine]
        estimates = [other.cell.throughput_rps for other in mine if other.cell.throughput_rps]
        values = [estimate.value for estimate in estimates]
        axes.plot(
            sizes,
            values,
            color=look.colour,
            linestyle=look.dash,
            marker=look.marker,
            markerfacecolor=PAPER if look.hollow else look.colour,
            label=name,
        )
        axes.fill_between(
            sizes,
            [estimate.value if estimate.low is None else estimate.low for estimate in estimates],
            [estimate.value if estimate.high is None else estimate.high for estimate in estimates],
            color=look.colour,
            alpha=0.18,
            linewidth=0,
        )
        bounds = [(other.cell.level.size, other.cell.bound.rps) for other in mine if other.cell.bound]
        if bounds:
            axes.plot(*zip(*bounds, strict=True), color=look.colour, linewidth=1, linestyle=":", alpha=0.8)
    axes.set_xscale("log", base=2)
    levels = sorted({judged.cell.level for judged in cells}, key=_size)
    axes.set_xticks([level.size for level in levels], [f"{level.size:g}" for level in levels])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_xlabel(f"{first.unit} (log); band: 95 % interval; dotted: bound")
    axes.set_ylabel("requests a second")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), handlelength=2.6)


def _size(level: Level) -> float:
    return level.size


chart: Final = ChartRule(Place.WORKLOAD, order=20, sketches=sketches)
