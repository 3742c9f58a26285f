"""Throughput: a bar for each variant at each level, with its interval and its bound."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from harness.judge.findings import JudgedCell
from harness.report.chart import Sketch
from harness.report.chart_rule import ChartRule, Part, Place
from harness.report.marks import INK, PAPER, looks_of_cells, name_rows
from harness.stats import figures


def sketches(part: Part) -> Iterator[Sketch]:
    """Yield the chart of one level."""
    yield Sketch(
        name=f"throughput-{part.stem}",
        title=f"{part.workload.name}: requests a second ({part.level})",
        card=part.card(part.comparisons),
        height_in=0.9 + 0.36 * len(part.cells),
        draw=partial(draw, cells=part.cells),
    )


def draw(axes: Axes, cells: Sequence[JudgedCell]) -> None:
    """Draw bars with intervals, one a variant; the bound as an upright stroke."""
    reach = max(
        [_top(judged) for judged in cells] + [judged.cell.bound.rps for judged in cells if judged.cell.bound] + [1.0]
    )
    bounded = False
    for row, (judged, look) in enumerate(zip(cells, looks_of_cells(cells), strict=True)):
        estimate = judged.cell.throughput_rps
        if judged.cell.bound is not None:
            axes.plot([judged.cell.bound.rps] * 2, [row - 0.42, row + 0.42], color=INK, linewidth=1.4, zorder=4)
            bounded = True
        if estimate is None:
            axes.text(reach * 0.01, row, "n/a: nothing was answered", va="center")
            continue
        axes.barh(
            row,
            estimate.value,
            height=0.62,
            facecolor=look.colour if not look.hollow else PAPER,
            edgecolor=look.colour,
            linewidth=1.2,
            hatch=None if judged.valid else "////",
            alpha=1.0 if judged.valid else 0.45,
        )
        if estimate.low is not None and estimate.high is not None:
            axes.plot([estimate.low, estimate.high], [row, row], color=INK, linewidth=1.6, solid_capstyle="butt")
            for end in (estimate.low, estimate.high):
                axes.plot([end, end], [row - 0.14, row + 0.14], color=INK, linewidth=1.6)
        beyond = max(_top(judged), judged.cell.bound.rps if judged.cell.bound else 0.0)
        axes.text(beyond + reach * 0.012, row, figures.count(estimate.value), va="center")
    axes.set_xlim(0, reach * 1.12)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_xlabel("successful requests a second, with 95 % interval" + ("; │ bound" if bounded else ""))
    name_rows(axes, cells)


def _top(judged: JudgedCell) -> float:
    estimate = judged.cell.throughput_rps
    return 0.0 if estimate is None else estimate.high if estimate.high is not None else estimate.value


chart: Final = ChartRule(Place.LEVEL, order=10, sketches=sketches)
