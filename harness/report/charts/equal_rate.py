"""Equal rate: the latency of a pair while both variants answered the same requests a second."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from harness.report.chart import Sketch
from harness.report.chart_rule import ChartRule, Part, Place
from harness.report.charts import latency


def sketches(part: Part) -> Iterator[Sketch]:
    """Yield the chart of the pair that was measured at an equal rate, if one was."""
    for iso in part.findings.iso_of(part.workload):
        pair = (iso.comparison.baseline, iso.comparison.contender)
        yield Sketch(
            name=f"equal-rate-{part.stem}",
            title=f"{part.workload.name}: latency by percentile at an equal rate ({iso.comparison.level})",
            card=part.card([iso]),
            height_in=3.0,
            draw=partial(latency.draw, cells=[judged for judged in part.findings.cells if judged.cell in pair]),
        )


chart: Final = ChartRule(Place.WORKLOAD, order=10, sketches=sketches)
