"""How timelines are drawn: a column for each variant, a strip for each signal."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import Final

from matplotlib.axes import Axes

from harness.report.drawings import DASHES, GRID, PAPER
from harness.report.timeline import Series, Strip, Timeline
from harness.stats import figures

STRIP_COLOURS: Final = ("#0072B2", "#D55E00")
STRIP_MARKERS: Final = ("o", "s")
STRIP_LINES: Final = {False: ("─", "┄"), True: ("●", "□")}
TALL, WIDE = 0.66, 0.94
LETTERS: Final = 80
"""So many letters of a heading fit over all columns together."""


def timelines(axes: Axes, shown: Sequence[tuple[str, Timeline]]) -> None:
    """Draw a column for each variant, one strip above the other, each from 0 to the figure in its corner."""
    names = list(dict.fromkeys(strip.name for _, timeline in shown for strip in timeline.strips))
    labels: dict[str, str] = {}
    ticks: list[tuple[float, str]] = []
    for column, (_, timeline) in enumerate(shown):
        span_s = timeline.ends_s - timeline.starts_s
        opened = column + WIDE * -timeline.starts_s / span_s
        axes.axvspan(column, opened, color=GRID, alpha=0.45, linewidth=0)
        ticks += [(opened, "0"), (column + WIDE, f"{timeline.ends_s:g} s")]
        strips = {strip.name: strip for strip in timeline.strips}
        for place, name in enumerate(reversed(names)):
            axes.plot([column, column + WIDE], [place, place], color=GRID, linewidth=0.7)
            strip = strips.get(name)
            peak = figures.NOT_MEASURED
            if strip is not None and any(series.values for series in strip.series):
                peak = _peak(strip.top)
                for position, series in enumerate(strip.series):
                    _draw_series(axes, series, position, column - timeline.starts_s * WIDE / span_s, WIDE / span_s,
                                 place, TALL / (strip.top or 1.0))  # fmt: skip
                labels.setdefault(name, _strip_label(strip))
            axes.text(column + WIDE, place + 0.96, peak, ha="right", va="top", fontsize=7)
    axes.set_xlim(-0.01, len(shown) - 1 + WIDE + 0.01)
    axes.set_ylim(-0.03, len(names) + 0.5)
    axes.set_yticks([place + 0.45 for place in range(len(names))], [labels.get(name, name) for name in reversed(names)],
                    fontsize=7.5)  # fmt: skip
    axes.set_xticks([place for place, _ in ticks], [label for _, label in ticks], fontsize=7.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    for column, (variant, _) in enumerate(shown):
        heading = "\n".join(wrap(variant.replace("_", "_ "), LETTERS // len(shown))).replace("_ ", "_")
        axes.text(column, len(names) + 0.02, heading, va="bottom", fontsize=8, weight="bold")
    axes.set_xlabel("seconds from the opening of each window; shaded: warm-up")


def _draw_series(
    axes: Axes, series: Series, position: int, left: float, per_s: float, floor: float, per_unit: float
) -> None:
    axes.plot(
        [left + moment * per_s for moment in series.times_s],
        [floor + value * per_unit for value in series.values],
        color=STRIP_COLOURS[position],
        linewidth=1.2,
        linestyle="none" if series.scattered else DASHES[position],
        marker=STRIP_MARKERS[position] if series.scattered else None,
        markersize=2.6,
        markeredgewidth=0.7,
        markerfacecolor=PAPER if position else STRIP_COLOURS[position],
    )


def _strip_label(strip: Strip) -> str:
    marks = [f"{STRIP_LINES[series.scattered][position]} {series.name}" for position, series in enumerate(strip.series)]
    return "\n".join([f"{strip.name}, {strip.unit}", *(marks if len(marks) > 1 else [])])


def _peak(top: float) -> str:
    return f"{top:,.0f}" if top >= 10 else f"{top:.2g}"
