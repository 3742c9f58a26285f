"""The two charts of a crossover search: the throughput of both variants, and their ratio, over users or the wait."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from harness.judge.crossover import CrossoverResult
from harness.judge.verdict import Verdict
from harness.report import wording
from harness.report.chart import Chart, Sketch, draw_chart
from harness.report.marks import GRID, INK, PAPER, Look, looks_of

STEPS: Final = [step * 10**power for power in range(-2, 7) for step in (1, 2, 5)]
FINE_STEPS: Final = [step * 10**power for power in range(-2, 7) for step in (1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9)]
FEW_TICKS: Final = 4
RATIOS: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.8, 0.9, 1, 1.1, 1.25, 2, 5, 10, 20, 50, 100)
FEW_RATIOS: Final = (0.01, 0.1, 0.5, 1, 2, 10, 100)
LONG_RATIO: Final = 12
CLOSE_RATIO: Final = 2


def throughput_chart(curves: CrossoverResult, card: str) -> Chart:
    """Draw the throughput of both variants at each level, with `card` below it."""
    name = f"crossover-{curves.sought.workload.name}"
    title = _title(curves, "requests a second")
    return draw_chart(Sketch(name, title, card, 3.6, lambda axes: _draw_throughput(axes, curves)))


def ratio_chart(curves: CrossoverResult, card: str) -> Chart:
    """Draw the ratio of both variants at each level, with `card` below it."""
    sought = curves.sought
    name = f"ratio-{sought.workload.name}"
    title = _title(curves, f"{sought.contender} / {sought.baseline}, requests a second,")
    return draw_chart(Sketch(name, title, card, 2.7, lambda axes: _draw_ratio(axes, curves)))


def _title(curves: CrossoverResult, what: str) -> str:
    over = "users" if curves.sought.over == "users" else "the declared wait"
    return f"{curves.sought.workload.name}: {what} over {over} ({wording.closed_loop(curves.sought.users)})"


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
