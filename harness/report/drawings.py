"""How each chart is drawn on its axes: marks, scales and labels. Which charts there are is `charts`' business."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter, NullLocator

from bench_app.workload import Kind
from harness.judge.findings import JudgedCell, JudgedComparison
from harness.plan.level import Level
from harness.plan.plan import Plan
from harness.report import wording
from harness.stats import figures
from harness.stats.figures import milliseconds
from scenarios.wire.protocol import VictimName

# Okabe and Ito's palette, which survives colour blindness; the marker says the kind again.
COLOURS: Final[dict[Kind | None, str]] = {
    "sync": "#0072B2",
    "async": "#E69F00",
    "blocking": "#D55E00",
    "offload": "#009E73",
    None: "#56B4E9",
}
MARKERS: Final[dict[Kind | None, str]] = {"sync": "s", "async": "o", "blocking": "X", "offload": "^", None: "D"}
DASHES: Final[tuple[Any, ...]] = ("-", (0, (4, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)))

# Stand-ins that the page replaces by its own colours, so that one drawing serves light and dark.
INK: Final = "#1b1f24"
GRID: Final = "#d0d7de"
VICTIM_SPAN: Final = 0.82
PAPER: Final = "#fffffe"

LONG_RATIO: Final = 40


@dataclass(frozen=True, slots=True)
class Look:
    """How one variant is drawn. A further variant of a kind is drawn hollow and dashed."""

    colour: str
    marker: str
    dash: Any
    hollow: bool


def looks_of(kinds: Iterable[Kind | None]) -> list[Look]:
    """Return a look for each variant, by its kind and its place among those of that kind."""
    seen: dict[Kind | None, int] = {}
    looks = []
    for kind in kinds:
        position = seen.setdefault(kind, 0)
        seen[kind] += 1
        looks.append(Look(COLOURS[kind], MARKERS[kind], DASHES[position % len(DASHES)], position > 0))
    return looks


def _looks(cells: Sequence[JudgedCell]) -> list[Look]:
    return looks_of(judged.cell.variant.kind for judged in cells)


def _rows(axes: Axes, cells: Sequence[JudgedCell]) -> None:
    """One row a variant, the first on top; an invalid one is struck out, never left out."""
    labels = [_struck(judged) for judged in cells]
    axes.set_yticks(range(len(cells)), labels)
    axes.set_ylim(len(cells) - 0.45, -0.55)
    axes.grid(False, axis="y")
    axes.tick_params(axis="y", length=0)


def _struck(judged: JudgedCell) -> str:
    name = judged.cell.variant.name
    return name if judged.valid else f"{name} (INVALID)"


def throughput(axes: Axes, cells: Sequence[JudgedCell]) -> None:
    """Bars with intervals, one a variant; the bound as an upright stroke."""
    reach = max(
        [_top(judged) for judged in cells] + [judged.cell.bound.rps for judged in cells if judged.cell.bound] + [1.0]
    )
    bounded = False
    for row, (judged, look) in enumerate(zip(cells, _looks(cells), strict=True)):
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
    _rows(axes, cells)


def _top(judged: JudgedCell) -> float:
    estimate = judged.cell.throughput_rps
    return 0.0 if estimate is None else estimate.high if estimate.high is not None else estimate.value


def latency(axes: Axes, cells: Sequence[JudgedCell]) -> None:
    """Latency by percentile, both axes logarithmic; a curve ends where too few requests lie beyond."""
    for judged, look in zip(cells, _looks(cells), strict=True):
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
            label=_struck(judged),
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


@dataclass(frozen=True, slots=True)
class VictimMark:
    """How one victim is drawn: its marker, filled for an async def and hollow for a def, and its line."""

    marker: str
    hollow: bool
    line: str


VICTIM_MARKS: Final[dict[VictimName, VictimMark]] = {
    "async_warm": VictimMark("o", hollow=False, line="-"),
    "async_cold": VictimMark("D", hollow=False, line="-"),
    "sync_warm": VictimMark("s", hollow=True, line=":"),
    "sync_cold": VictimMark("D", hollow=True, line=":"),
}


def bystander(axes: Axes, cells: Sequence[JudgedCell]) -> None:
    """Draw each victim's p50 and p99, a row a variant, the victims below each other."""
    shown = [name for name in VICTIM_MARKS if any(_felt(judged, name) for judged in cells)]
    for row, (judged, look) in enumerate(zip(cells, _looks(cells), strict=True)):
        if not any(_felt(judged, name) for name in shown):
            axes.text(0.01, row, "n/a: no probe was answered", va="center", transform=axes.get_yaxis_transform())
        for position, name in enumerate(shown):
            felt = _felt(judged, name)
            if felt is None:
                continue
            p50_ms, p99_ms = felt
            place, mark = row + VICTIM_SPAN * ((position + 0.5) / len(shown) - 0.5), VICTIM_MARKS[name]
            axes.plot([p50_ms, p99_ms], [place, place], color=look.colour, linewidth=1.8, linestyle=mark.line)
            axes.plot(p50_ms, place, marker="|", markersize=7, markeredgewidth=2, color=look.colour)
            axes.plot(
                *(p99_ms, place),
                marker=mark.marker,
                markersize=5.5,
                color=look.colour,
                markerfacecolor=PAPER if mark.hollow else look.colour,
            )
            axes.annotate(
                f"{wording.felt(judged.cell, name)} ms",
                (p99_ms, place),
                xytext=(8, 0),
                textcoords="offset points",
                va="center",
                fontsize=7.5 if len(shown) > 1 else 9.5,
            )
    log_ms(axes, "x")
    low, high = axes.get_xlim()
    axes.set_xlim(low, high * (high / low) ** 0.14)
    axes.set_xlabel(
        "latency of a trivial endpoint, ms (log): │ p50; p99 of an async def on a kept connection ●, on a new one ◆;\n"
        "of a def on a kept connection □, on a new one ◇"
    )
    _rows(axes, cells)


def _felt(judged: JudgedCell, name: VictimName) -> tuple[float, float] | None:
    """Draw a victim's p50 and p99 in milliseconds."""
    victim = judged.cell.victims.get(name)
    if victim is None:
        return None
    p50_ms, p99_ms = milliseconds(victim.percentile_us(50)), milliseconds(victim.percentile_us(99))
    return None if p50_ms is None or p99_ms is None else (p50_ms, p99_ms)


def levels(axes: Axes, cells: Sequence[JudgedCell]) -> None:
    """Throughput against load, with bands for the intervals and dots for the bounds."""
    first = cells[0].cell.level
    variants = [judged for judged in cells if judged.cell.level == first]
    for judged, look in zip(variants, _looks(variants), strict=True):
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


def knobs(axes: Axes, cells: Sequence[JudgedCell], plan: Plan) -> None:
    """Throughput at each setting of the server, with intervals, and a stroke for the tightest measured bound."""
    levels = list(dict.fromkeys(judged.cell.level for judged in cells))
    names = list(dict.fromkeys(judged.cell.variant.name for judged in cells))
    first = [judged for judged in cells if judged.cell.level == levels[0]]
    looks = dict(zip((judged.cell.variant.name for judged in first), _looks(first), strict=True))
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


def _size(level: Level) -> float:
    return level.size


def forest(axes: Axes, comparisons: Sequence[JudgedComparison], plan: Plan) -> None:
    """Draw a ratio and its interval in each row, with the margin shaded and the verdict beside it."""
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


def drift(axes: Axes, cells: Sequence[JudgedCell]) -> None:
    """Every trial against its variant's mean, in run order."""
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


def log_ms(axes: Axes, axis: str) -> None:
    """Make the axis logarithmic, in milliseconds, and label it with plain numbers."""
    ticks = [value * 10**power for power in range(-3, 6) for value in (1, 2, 5)]
    low_high = axes.set_xscale if axis == "x" else axes.set_yscale
    low_high("log")
    target = axes.xaxis if axis == "x" else axes.yaxis
    low, high = axes.get_xlim() if axis == "x" else axes.get_ylim()
    if high / low < 4:  # a nearly flat chart would show no tick at all
        middle = (low * high) ** 0.5
        low, high = middle / 2, middle * 2
        (axes.set_xlim if axis == "x" else axes.set_ylim)(low, high)
    inside = [tick for tick in ticks if low <= tick <= high]
    if high / low > 300:
        inside = [tick for tick in inside if f"{tick:e}".startswith("1")]
    target.set_ticks(inside, [f"{tick:,.6g}" for tick in inside])
    target.set_minor_locator(NullLocator())
