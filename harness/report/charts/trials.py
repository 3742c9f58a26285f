"""Trials: each one in run order, against the mean of its cell. A slope here is the machine's, not the code's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from bench_app.workload import Kind
from harness.judge.findings import JudgedCell
from harness.report import wording
from harness.report.chart import Sketch
from harness.report.chart_rule import ChartRule, Part, Place
from harness.report.marks import COLOURS, INK, MARKERS


def sketches(part: Part) -> Iterator[Sketch]:
    """Yield the chart of the run."""
    yield Sketch(
        name="trials",
        title=f"Trials in run order: throughput against the variant's mean ({wording.levels(part.plan)})",
        card=part.card(part.findings.headline),
        height_in=2.6,
        draw=partial(draw, cells=part.cells),
    )


def draw(axes: Axes, cells: Sequence[JudgedCell]) -> None:
    """Draw every trial against its variant's mean, in run order."""
    labelled: set[Kind | None] = set()
    for judged in cells:
        cell, kind = judged.cell, judged.cell.variant.kind
        if cell.throughput_rps is None:
            continue
        axes.plot(
            [trial.number for trial in cell.trials],
            [trial.throughput_rps / cell.throughput_rps.value for trial in cell.trials],
            linestyle="none",
            marker=MARKERS[kind],
            markersize=4.5,
            color=COLOURS[kind],
            label=(kind or "target") if kind not in labelled else None,
        )
        labelled.add(kind)
    axes.axhline(1, color=INK, linewidth=1)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.2f}×"))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("trial, in the order in which they ran")
    if labelled:
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


chart: Final = ChartRule(Place.OVERVIEW, order=20, sketches=sketches)
