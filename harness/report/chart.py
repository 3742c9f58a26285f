"""A chart, drawn by matplotlib once for the page (SVG that follows the page's colours) and once as a PNG card."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from harness.report.marks import GRID, INK, PAPER

WIDTH_IN: Final = 7.6
HEADER_IN: Final = 0.36
DPI: Final = 144
PAD_IN: Final = 0.04
STYLE: Final[dict[Any, Any]] = {
    "font.family": "sans-serif",
    "font.size": 9.5,
    "axes.edgecolor": GRID,
    "axes.labelcolor": INK,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "figure.facecolor": PAPER,
    "axes.facecolor": "none",
    "svg.fonttype": "none",
    "svg.hashsalt": "bench",
    "legend.frameon": False,
    "hatch.linewidth": 0.8,
}


@dataclass(frozen=True, slots=True)
class Sketch:
    """A picture that is yet to be drawn: what a `Chart` has, its height in inches, and what draws it on its axes."""

    name: str
    title: str
    card: str
    height_in: float
    draw: Callable[[Axes], None]


@dataclass(frozen=True, slots=True)
class Chart:
    """One picture. `name` is its file's stem; `title` says what it shows, at which level and loop; `card` is the
    sentence that keeps a screenshot honest: verdict, interval, n, machine and date."""

    name: str
    title: str
    card: str
    svg: str = field(repr=False)
    png: bytes = field(repr=False)


Spread = Callable[[Callable[[Sketch], Chart], Sequence[Sketch]], list[Chart]]
"""Draws every sketch and returns the charts in order, one after the other or at the same time."""


def one_by_one(draw: Callable[[Sketch], Chart], sketches: Sequence[Sketch]) -> list[Chart]:
    """Draw one sketch after the other."""
    return [draw(sketch) for sketch in sketches]


def draw_chart(sketch: Sketch) -> Chart:
    """Draw a sketch, as SVG for the page and as PNG to send alone."""
    name, title, card, height_in = sketch.name, sketch.title, sketch.card, sketch.height_in
    lines, heading = _wrapped(card, 132), _wrapped(title, 78)
    footer_in = 0.12 + 0.16 * len(lines)
    header_in = HEADER_IN + 0.17 * (len(heading) - 1)
    whole_in = header_in + height_in + footer_in
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH_IN, whole_in), dpi=DPI, facecolor=PAPER)
        canvas = FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        sketch.draw(axes)
        _lay_out(axes, canvas, (0.0, footer_in, WIDTH_IN, footer_in + height_in))
        texts = [
            # On the figure and not on the axes, where a long one would start too far right to fit.
            figure.text(0.012, 1 - 0.09 / whole_in, "\n".join(heading), va="top", fontweight="bold",
                        fontsize=mpl.rcParams["axes.titlesize"]),
            figure.text(0.012, 0.06 / whole_in, "\n".join(lines), va="bottom", fontsize=7, linespacing=1.35),
        ]  # fmt: skip
        png = io.BytesIO()
        # The canvases are asked directly: `Figure.savefig` draws everything twice, once for a layout engine to look at.
        canvas.print_png(png, pil_kwargs={"compress_level": 1})  # type: ignore[no-untyped-call]  # untyped
        for text in texts:
            text.remove()
        _crop(figure, axes, height_in, footer_in)
        return Chart(name, title, card, _inline(_svg(figure), title), png.getvalue())


def _lay_out(axes: Axes, canvas: FigureCanvasAgg, within_in: tuple[float, float, float, float]) -> None:
    """Place the axes so that they, their labels and their legend fill the rectangle (left, bottom, right, top; inches).

    One measurement is enough for a single pair of axes, whose labels do not depend on their place; matplotlib's own
    layout takes two. What was measured of the texts then serves to draw them, because it is the same canvas.
    """
    extent, place = axes.get_tightbbox(canvas.get_renderer()), axes.get_window_extent()  # type: ignore[no-untyped-call]  # untyped
    assert extent is not None
    left, bottom, right, top = (inches * DPI for inches in within_in)
    pad = PAD_IN * DPI
    x0, x1 = left + pad + place.x0 - extent.x0, right - pad - (extent.x1 - place.x1)
    y0, y1 = bottom + pad + place.y0 - extent.y0, top - pad - (extent.y1 - place.y1)
    whole = canvas.figure.bbox
    axes.set_position((x0 / whole.width, y0 / whole.height, (x1 - x0) / whole.width, (y1 - y0) / whole.height))


def _crop(figure: Figure, axes: Axes, height_in: float, footer_in: float) -> None:
    """Take header and footer off, and leave the axes as they are."""
    whole_in, place = figure.get_figheight(), axes.get_position()
    figure.set_size_inches(WIDTH_IN, height_in)
    y0, height = (place.y0 * whole_in - footer_in) / height_in, place.height * whole_in / height_in
    axes.set_position((place.x0, y0, place.width, height))


def _svg(figure: Figure) -> str:
    figure.set_facecolor("none")  # the page's own colour shows through
    figure.set_dpi(72)
    svg = io.StringIO()
    FigureCanvasSVG(figure).print_svg(svg, metadata={"Date": None})  # type: ignore[no-untyped-call]  # untyped
    return svg.getvalue()


def _wrapped(text: str, width: int) -> list[str]:
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return [*lines, line]


def _inline(svg: str, title: str) -> str:
    """Return the drawing as an element of the page: scalable, named for a screen reader, in the page's own colours."""
    start = svg.index("<svg")
    body = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg[start:]))
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = body.replace(INK, "currentColor").replace(GRID, "var(--line)").replace(PAPER, "var(--paper)")
    escaped = title.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    return body.replace("<svg", f'<svg role="img" aria-label="{escaped}"', 1)
