"""The charts, drawn by matplotlib once for the page (SVG that follows the page's colours) and once as PNG cards."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from harness.judge.findings import Findings, JudgedComparison
from harness.plan.knobs import KNOBS, varied
from harness.plan.level import Level
from harness.plan.plan import Plan, PlannedWorkload
from harness.report import drawings, strips, wording
from harness.report.drawings import GRID, INK, PAPER
from harness.report.timeline import timeline_of, typical_trial
from harness.stats import figures

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
    """A picture that is yet to be drawn: what a `Chart` has, its height in inches, and who draws it on its axes."""

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


def charts_of(findings: Findings, workload: PlannedWorkload) -> Iterator[Sketch]:
    """Yield the charts of one workload: throughput, latency by percentile and the bystander, for each level."""
    plan = findings.run.manifest.plan
    judged = findings.cells_of(workload)
    for level in plan.levels:
        cells = [cell for cell in judged if cell.cell.level == level]
        if not cells:
            continue
        suffix = _stem(workload, level, plan)
        card = _card(findings, [c for c in findings.comparisons_of(workload) if c.comparison.level == level])
        rows = len(cells)
        yield Sketch(
            f"throughput-{suffix}",
            f"{workload.name}: requests a second ({level})",
            card,
            0.9 + 0.36 * rows,
            partial(drawings.throughput, cells=cells),
        )
        yield Sketch(
            f"latency-{suffix}",
            f"{workload.name}: latency by percentile ({level})",
            card,
            3.0,
            partial(drawings.latency, cells=cells),
        )
        yield Sketch(
            f"bystander-{suffix}",
            f"{workload.name}: what a bystander felt, p50 to p99 ({level}; probes: open loop, 10 to 20 a second)",
            card,
            1.1 + 0.62 * rows,
            partial(drawings.bystander, cells=cells),
        )
    for iso in findings.iso_of(workload):
        pair = (iso.comparison.baseline, iso.comparison.contender)
        yield Sketch(
            f"equal-rate-{workload.name}",
            f"{workload.name}: latency by percentile at an equal rate ({iso.comparison.level})",
            _card(findings, [iso]),
            3.0,
            partial(drawings.latency, cells=[judged for judged in findings.cells if judged.cell in pair]),
        )
    if len({level.size for level in plan.levels}) > 1:
        for knobs in dict.fromkeys(level.knobs for level in plan.levels):
            same = [cell for cell in judged if cell.cell.level.knobs == knobs]
            beside = f", {knobs}" if str(knobs) else ""
            yield Sketch(
                f"levels-{workload.name}{_slug(str(knobs))}",
                f"{workload.name}: requests a second against load ({wording.levels(plan)}{beside})",
                _card(findings, [c for c in findings.headline if c.comparison.pair.workload == workload.name]),
                3.2,
                partial(drawings.levels, cells=same),
            )
    if names := varied(level.knobs for level in plan.levels):
        what = " and ".join(KNOBS[name].label for name in names)
        for load in dict.fromkeys(level.load for level in plan.levels):
            same = [cell for cell in judged if cell.cell.level.load == load]
            yield Sketch(
                f"knobs-{workload.name}{_slug(load) if len({level.load for level in plan.levels}) > 1 else ''}",
                f"{workload.name}: requests a second by {what} ({load})",
                _card(findings, [c for c in findings.comparisons_of(workload) if c.comparison.level.load == load]),
                3.2,
                partial(drawings.knobs, cells=same, plan=plan),
            )


def timelines(findings: Findings, workload: PlannedWorkload) -> Iterator[Sketch]:
    """For each level of the workload, what happened when in every variant's trial of median throughput."""
    run = findings.run
    plan = run.manifest.plan
    for level in plan.levels:
        shown = []
        for judged in findings.cells_of(workload):
            if judged.cell.level != level or (recorded := typical_trial(judged.cell, run)) is None:
                continue
            timeline = timeline_of(recorded, run.manifest.schedule.window_of(workload.name, level).warmup_s)
            if timeline.strips:
                shown.append((judged.cell.variant.name, timeline))
        if shown:
            names = {strip.name for _, timeline in shown for strip in timeline.strips}
            yield Sketch(
                f"time-{_stem(workload, level, plan)}",
                f"{workload.name} over time, each variant's median trial ({level})",
                _card(findings, [c for c in findings.comparisons_of(workload) if c.comparison.level == level]),
                0.8 + 0.52 * len(names),
                partial(strips.timelines, shown=shown),
            )


def _stem(workload: PlannedWorkload, level: Level, plan: Plan) -> str:
    """Return what distinguishes the files of this workload's level from the others."""
    if len(plan.levels) == 1:
        return workload.name
    knobs = _slug(str(level.knobs)) if varied(each.knobs for each in plan.levels) else ""
    return f"{workload.name}-{level.size:g}-{'users' if level.rate_rps is None else 'rps'}{knobs}"


def _slug(text: str) -> str:
    return "".join(f"-{word}" for word in re.findall(r"[a-z0-9]+", text.lower()))


def forest(findings: Findings) -> Sketch:
    """Every comparison as ratio and interval, on a log axis with the margin shaded."""
    plan = findings.run.manifest.plan
    return Sketch(
        "verdicts",
        f"Contender / baseline, {wording.metric(plan)} ({wording.levels(plan)})",
        _card(findings, []),
        0.9 + 0.3 * len(findings.comparisons),
        lambda axes: drawings.forest(axes, findings.comparisons, plan),
    )


def drift(findings: Findings) -> Sketch:
    """Every trial in run order, against the mean of its cell: a slope here is the machine's, not the code's."""
    plan = findings.run.manifest.plan
    return Sketch(
        "trials",
        f"Trials in run order: throughput against the variant's mean ({wording.levels(plan)})",
        _card(findings, findings.headline),
        2.6,
        lambda axes: drawings.drift(axes, [cell for cell in findings.cells if cell.cell.level in plan.levels]),
    )


def _card(findings: Findings, comparisons: Sequence[JudgedComparison]) -> str:
    manifest = findings.run.manifest
    several = len({judged.comparison.pair.workload for judged in comparisons}) > 1
    levels = len({judged.comparison.level for judged in comparisons}) > 1

    def beside(judged: JudgedComparison) -> str:
        return f" at {wording.condition(judged.comparison.level, manifest.plan)}" if levels else ""

    lines = [
        f"{judged.comparison.pair.workload + ' ' if several else ''}"
        f"{judged.comparison.pair.contender}/{judged.comparison.pair.baseline}{beside(judged)} {judged.verdict} "
        f"{figures.ratio(judged.comparison.ratio)} ({figures.ratio_interval(judged.comparison.ratio)}, "
        f"n = {judged.comparison.blocks})"
        for judged in comparisons
    ]
    machine = manifest.machine
    where = machine.in_short
    incomplete = "" if findings.run.is_complete else " INCOMPLETE RUN."
    blocks = f"{wording.blocks_of(manifest.schedule)}, 95 % intervals."
    verdicts = f"{';  '.join(lines)}.  " if lines else ""
    return f"{verdicts}{blocks}{incomplete}  {where}, {manifest.started:%Y-%m-%d}, profile {manifest.plan.profile}."


Spread = Callable[[Callable[[Sketch], Chart], Sequence[Sketch]], list[Chart]]
"""Draws every sketch and returns the charts in order, one after the other or at the same time."""


def one_by_one(draw: Callable[[Sketch], Chart], sketches: Sequence[Sketch]) -> list[Chart]:
    """Draw one sketch after the other."""
    return [draw(sketch) for sketch in sketches]


def draw_chart(sketch: Sketch) -> Chart:
    """Return the drawing as SVG for the page and as PNG to send by itself."""
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
        canvas.print_png(png, pil_kwargs={"compress_level": 1})  # type: ignore[no-untyped-call]
        for text in texts:
            text.remove()
        _crop(figure, axes, height_in, footer_in)
        return Chart(name, title, card, _inline(_svg(figure), title), png.getvalue())


def _lay_out(axes: Axes, canvas: FigureCanvasAgg, within_in: tuple[float, float, float, float]) -> None:
    """Place the axes so that they, their labels and their legend fill the rectangle (left, bottom, right, top; inches).

    One measurement is enough for a single pair of axes, whose labels do not depend on their place; matplotlib's own
    layout takes two. What was measured of the texts then serves to draw them, because it is the same canvas.
    """
    extent, place = axes.get_tightbbox(canvas.get_renderer()), axes.get_window_extent()  # type: ignore[no-untyped-call]
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
    FigureCanvasSVG(figure).print_svg(svg, metadata={"Date": None})  # type: ignore[no-untyped-call]
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
    """Return the drawing as an element of the page: scalable, named for a screen reader, in the page's colours."""
    start = svg.index("<svg")
    body = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg[start:]))
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = body.replace(INK, "currentColor").replace(GRID, "var(--line)").replace(PAPER, "var(--paper)")
    escaped = title.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    return body.replace("<svg", f'<svg role="img" aria-label="{escaped}"', 1)
