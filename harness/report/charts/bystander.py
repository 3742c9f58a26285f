"""Bystander: what an endpoint that does nothing felt while each variant was loaded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from matplotlib.axes import Axes

from harness.judge.findings import JudgedCell
from harness.report import wording
from harness.report.chart import Sketch
from harness.report.chart_rule import ChartRule, Part, Place
from harness.report.marks import PAPER, log_ms, looks_of_cells, name_rows
from harness.stats.figures import milliseconds
from scenarios.wire.victim import VictimName

VICTIM_SPAN: Final = 0.82


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


def sketches(part: Part) -> Iterator[Sketch]:
    """Yield the chart of one level."""
    yield Sketch(
        name=f"bystander-{part.stem}",
        title=f"{part.workload.name}: what a bystander felt, p50 to p99 "
        f"({part.level}; each asked 10 or 20 times a second, open loop)",
        card=part.card(part.comparisons),
        height_in=1.1 + 0.62 * len(part.cells),
        draw=partial(draw, cells=part.cells),
    )


def draw(axes: Axes, cells: Sequence[JudgedCell]) -> None:
    """Draw each victim's p50 and p99, a row a variant, the victims below each other."""
    shown = [name for name in VICTIM_MARKS if any(_felt(judged, name) for judged in cells)]
    for row, (judged, look) in enumerate(zip(cells, looks_of_cells(cells), strict=True)):
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
    name_rows(axes, cells)


def _felt(judged: JudgedCell, name: VictimName) -> tuple[float, float] | None:
    """Return what a victim felt: p50 and p99 in milliseconds."""
    victim = judged.cell.victims.get(name)
    if victim is None:
        return None
    p50_ms, p99_ms = milliseconds(victim.percentile_us(50)), milliseconds(victim.percentile_us(99))
    return None if p50_ms is None or p99_ms is None else (p50_ms, p99_ms)


chart: Final = ChartRule(Place.LEVEL, order=30, sketches=sketches)
