"""The report of a capacity search: one chart, one page, one table in the terminal."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from rich.console import Console

from harness.judge.capacity import FILE, Capacities, Probe, VariantCapacity
from harness.record.run_directory import CHARTS, PAGE
from harness.report import wording
from harness.report.chart import Chart, Sketch, draw_chart
from harness.report.marks import INK, PAPER, log_ms, looks_of
from harness.report.rendering import rendered
from harness.report.terminal import STYLES, plain_table
from harness.stats import figures


def write_capacities(directory: Path, capacities: Capacities) -> None:
    """Write page and chart of the search into the directory."""
    chart = _chart(capacities)
    charts = directory / CHARTS
    charts.mkdir(exist_ok=True)
    (charts / f"{chart.name}.png").write_bytes(chart.png)
    page = rendered(
        "capacity.html.j2",
        capacities=capacities,
        svg=Markup(chart.svg),
        chart=chart,
        say=wording,
        figures=figures,
        file=FILE,
        breaks=_breaks,
    )
    (directory / PAGE).write_text(page, encoding="utf-8")


def _carries(variant: VariantCapacity) -> str:
    """Spell a variant's capacity: the estimate with its interval, or why there is none."""
    if variant.unmet:
        return "meets the objective at no rate"
    estimate = variant.estimate
    return "n/a" if estimate is None else f"{figures.count(estimate.value)} req/s ({figures.interval(estimate)})"


def _breaks(variant: VariantCapacity) -> str:
    return variant.breaks or "nothing: it met the objective at every rate that was tried"


def print_capacities(capacities: Capacities, console: Console) -> None:
    """Print the capacities and their comparisons."""
    table = plain_table(
        f"{capacities.workload}: the highest rate with {capacities.objective} (open loop, Poisson arrivals)"
    )
    table.add_column("variant", no_wrap=True)
    table.add_column("req/s", justify="right", no_wrap=True)
    table.add_column("95 % interval", justify="right", no_wrap=True)
    table.add_column("at a higher rate")
    for variant in capacities.variants:
        estimate = variant.estimate
        table.add_row(
            variant.variant,
            "none" if variant.unmet else figures.count(estimate.value if estimate else None),
            figures.interval(estimate),
            _breaks(variant),
        )
    console.print()
    console.print(table)
    for contender, baseline, estimate, found in capacities.compared():
        console.print(
            f"{contender.variant} / {baseline.variant}: {figures.ratio(estimate)} "
            f"({figures.ratio_interval(estimate)}) [{STYLES[found]}]{found}[/]"
        )
    for variant in capacities.variants:
        for problem in variant.problems:
            console.print(f"[bold magenta]INVALID[/] {variant.variant}: not equivalent to its pair: {problem}")
        if variant.client_limited:
            console.print(
                f"[bold magenta]INVALID[/] {variant.variant}: the load generator used its whole core where the variant "
                "missed the objective; the server may carry more. Use a faster core for the load."
            )


def _chart(capacities: Capacities) -> Chart:
    objective, machine = capacities.objective, capacities.machine
    verdicts = [
        f"{contender.variant}/{baseline.variant} {found} {figures.ratio(estimate)} ({figures.ratio_interval(estimate)})"
        for contender, baseline, estimate, found in capacities.compared()
    ]
    card = "  ".join(
        [
            *(f"{verdict};" for verdict in verdicts),
            *(f"{variant.variant}: {_carries(variant)};" for variant in capacities.variants),
            f"n = {capacities.repeats} searches each, 95 % intervals, probes of {capacities.window_s:g} s or more, "
            f"at most {capacities.connections} in flight. {machine.in_short}, "
            f"{capacities.started:%Y-%m-%d}.",
        ]
    )
    title = f"{capacities.workload}: p{objective.percent:g} against the rate offered (open loop, Poisson arrivals)"
    return draw_chart(Sketch(f"capacity-{capacities.workload}", title, card, 3.6, lambda axes: _draw(axes, capacities)))


def _draw(axes: Axes, capacities: Capacities) -> None:
    """Draw every probe as a point: filled where the objective was met, hollow where it was broken."""
    objective, top = capacities.objective, _top(capacities)
    for variant, look in zip(
        capacities.variants, looks_of(variant.kind for variant in capacities.variants), strict=True
    ):
        for met in (True, False):
            probes = [probe for probe in variant.probes if (probe.broken is None) == met]
            axes.plot(
                [probe.rate_rps for probe in probes],
                [_height(probe, top) for probe in probes],
                linestyle="none",
                marker=look.marker,
                markersize=5,
                color=look.colour,
                markerfacecolor=look.colour if met else PAPER,
                label=variant.variant if met else None,
            )
        estimate = variant.estimate
        if estimate is not None and estimate.low is not None and estimate.high is not None:
            axes.axvspan(estimate.low, estimate.high, color=look.colour, alpha=0.16, linewidth=0)
    axes.axhline(objective.limit_ms, color=INK, linewidth=1.2, linestyle=(0, (5, 3)))
    axes.annotate(
        str(objective), (0.005, objective.limit_ms), xycoords=("axes fraction", "data"), va="bottom", fontsize=8
    )
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    log_ms(axes, "y")
    axes.set_xlabel("requests offered a second (log); shaded: capacity, 95 % interval")
    axes.set_ylabel(f"p{objective.percent:g}, ms (log)")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), title="filled: met\nhollow: broken")


def _top(capacities: Capacities) -> float:
    """Return the height of probes whose percentile lies among failures: above all others."""
    seen = [
        probe.observed_ms
        for variant in capacities.variants
        for probe in variant.probes
        if probe.observed_ms is not None
    ]
    return 2 * max([*seen, capacities.objective.limit_ms])


def _height(probe: Probe, top: float) -> float:
    return top if probe.observed_ms is None else probe.observed_ms
