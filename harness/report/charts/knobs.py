"""Knobs: throughput at each setting of the server, where the run has more than one setting."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from harness.judge.findings import JudgedCell
from harness.plan.knobs import KNOBS, varied
from harness.plan.plan import Plan
from harness.report import wording
from harness.report.chart import Sketch
from harness.report.chart_rule import ChartRule, Part, Place, slug
from harness.report.marks import INK, PAPER, looks_of_cells


def sketches(part: Part) -> Iterator[Sketch]:
    """Yield a chart for each load."""
    plan = part.plan
    names = varied(level.knobs for level in plan.levels)
    if not names:
        return
    what = " and ".join(KNOBS[name].label for name in names)
    loads = list(dict.fromkeys(level.load for level in plan.levels))
    for load in loads:
        yield Sketch(
            name=f"knobs-{part.stem}{slug(load) if len(loads) > 1 else ''}",
            title=f"{part.workload.name}: requests a second by {what} ({load})",
            card=part.card([c for c in part.comparisons if c.comparison.level.load == load]),
            height_in=3.2,
            draw=partial(draw, cells=[judged for judged in part.cells if judged.cell.level.load == load], plan=plan),
        )


def draw(axes: Axes, cells: Sequence[JudgedCell], plan: Plan) -> None:
    """Draw throughput at each setting of the server, with intervals, and a stroke for the tightest measured bound."""
    levels = list(dict.fromkeys(judged.cell.level for judged in cells))
    names = list(dict.fromkeys(judged.cell.variant.name for judged in cells))
    first = [judged for judged in cells if judged.cell.level == levels[0]]
    looks = dict(zip((judged.cell.variant.name for judged in first), looks_of_cells(first), strict=True))
    bounded = False
    for position, name in enumerate(names):
        look, aside = looks[name], (position - (len(names) - 1) / 2) * 0.12
        mine = [judged for judged in cells if judged.cell.variant.name == name and judged.cell.throughput_rps]
        places = [levels.index(judged.cell.level) + aside for judged in mine]
        values = [judged.cell.throughput_rps.value for judged in mine if judged.cell.throughput_rps]
        axes.plot(
            places,
            values,
            color=look.colour,
            linestyle=look.dash,
            linewidth=1.2,
            marker=look.marker,
            markersize=6.5,
            markerfacecolor=PAPER if look.hollow else look.colour,
            label=name,
        )
        for place, judged in zip(places, mine, strict=True):
            estimate, scene = judged.cell.throughput_rps, judged.inquiry.scene
            if estimate and estimate.low is not None and estimate.high is not None:
                axes.plot([place, place], [estimate.low, estimate.high], color=look.colour, linewidth=1.6)
            if scene is not None:
                bound_rps = scene.bounds[0].rps
                axes.plot([place - 0.05, place + 0.05], [bound_rps] * 2, color=INK, linewidth=1.4, zorder=4)
                bounded = True
    axes.set_xticks(range(len(levels)), [wording.condition(level, plan) for level in levels])
    axes.set_xlim(-0.5, len(levels) - 0.5)
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_xlabel("setting of the server; upright: 95 % interval" + ("; ─ tightest bound" if bounded else ""))
    axes.set_ylabel("requests a second")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), handlelength=2.6)


chart: Final = ChartRule(Place.WORKLOAD, order=30, sketches=sketches)
