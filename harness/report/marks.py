"""The marks that the charts share: colours and markers by kind, rows of variants, a logarithmic axis."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from bench_app.workload import Kind
from harness.judge.findings import JudgedCell

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
PAPER: Final = "#fffffe"


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


def looks_of_cells(cells: Sequence[JudgedCell]) -> list[Look]:
    """Return a look for each cell, by its variant's kind."""
    return looks_of(judged.cell.variant.kind for judged in cells)


def name_rows(axes: Axes, cells: Sequence[JudgedCell]) -> None:
    """Name one row a variant, the first on top; an invalid one is struck out, never left out."""
    labels = [struck(judged) for judged in cells]
    axes.set_yticks(range(len(cells)), labels)
    axes.set_ylim(len(cells) - 0.45, -0.55)
    axes.grid(False, axis="y")
    axes.tick_params(axis="y", length=0)


def struck(judged: JudgedCell) -> str:
    """Return the variant's name, marked where the cell is invalid."""
    name = judged.cell.variant.name
    return name if judged.valid else f"{name} (INVALID)"


def log_ms(axes: Axes, axis: str) -> None:
    """Make an axis logarithmic, in milliseconds, labelled with plain numbers."""
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
