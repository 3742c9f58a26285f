"""Latency: a curve for each variant at each level, by percentile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from harness.judge.findings import JudgedCell
from harness.report.chart import Sketch
from harness.report.chart_rule import ChartRule, Part, Place
from harness.report.marks import PAPER, log_ms, looks_of_cells, struck


def sketches(part: Part) -> Iterator[Sketch]:
    """Yield the chart of one level."""
    yield Sketch(
        name=f"latency-{part.stem}",
        title=f"{part.workload.name}: latency by percentile ({part.level})",
        card=part.card(part.comparisons),
        height_in=3.0,
        draw=partial(draw, cells=part.cells),
    )


def draw(axes: Axes, cells: Sequence[JudgedCell]) -> None:
    """Draw latency by percentile, both axes logarithmic; a curve ends where too few requests lie beyond."""
    for judged, look in zip(cells, looks_of_cells(cells), strict=True):
        curve = judged.cell.curve
        if not curve.values_us:
            continue
        places = [_log_percent(percent) for percent in curve.percents]
        if curve.lows_us:
            lows, highs = ([max(us, 1.0) / 1000 for us in edge] for edge in (curve.lows_us, curve.highs_us))
            axes.fill_between(places, lows, highs, color=look.colour, alpha=0.18, linewidth=0)
        axes.plot(
            places,
            [max(value, 1.0) / 1000 for value in curve.values_us],
            color=look.colour,
            linestyle=look.dash,
            linewidth=1.8,
            marker=look.marker,
            markevery=[index for index, percent in enumerate(curve.percents) if percent in (50, 90, 99)],
            markersize=5.5,
            markerfacecolor=PAPER if look.hollow else look.colour,
            label=struck(judged),
        )
    ticks = (0, 50, 90, 99, 99.9)
    axes.set_xlim(_log_percent(0), _log_percent(99.9))
    axes.set_xticks([_log_percent(percent) for percent in ticks], [f"{percent:g} %" for percent in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("share of the requests answered at least this fast; band: 95 %")
    log_ms(axes, "y")
    axes.set_ylabel("latency, ms (log)")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), handlelength=2.6)


def _log_percent(percent: float) -> float:
    return float(-np.log10(1 - percent / 100))


chart: Final = ChartRule(Place.LEVEL, order=20, sketches=sketches)
