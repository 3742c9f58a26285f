"""A chart is one file: put into the folder, it is found, drawn as PNG and shown on the page."""

from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.harness.report.test_page import results
from tests.rehearsal import plan, rehearse
from tests.tree import copy_tree, run_python

CHART = '''
"""Moonlight: a chart that no other file knows of."""

from harness.report.chart import Sketch
from harness.report.chart_rule import ChartRule, Place


def sketches(part):
    """Yield the chart of one level."""
    yield Sketch(
        name=f"moonlight-{part.stem}",
        title=f"{part.workload.name}: moonlight by variant",
        card=part.card(part.comparisons),
        height_in=2.0,
        draw=lambda axes: axes.barh([judged.cell.variant.name for judged in part.cells], 1.0),
    )


chart = ChartRule(Place.LEVEL, order=15, sketches=sketches)
'''
TITLE = "sleep: moonlight by variant"


def reported(tmp_path: Path, text: str) -> tuple[CompletedProcess[str], Path]:
    """Add a chart file with this text; return what `bench.py report` printed of a rehearsed run, and the run."""
    tree, run = copy_tree(tmp_path), rehearse(tmp_path, plan("sleep"), results)
    (tree / "harness/report/charts/moonlight.py").write_text(text)
    return run_python(tree, "bench.py", "report", str(run)), run


def test_a_chart_that_is_put_into_the_folder_is_a_png_and_on_the_page_in_its_place(tmp_path: Path):
    told, run = reported(tmp_path, CHART)
    assert told.returncode == 0, told.stderr
    assert (run / "charts/moonlight-sleep.png").read_bytes().startswith(b"\x89PNG")
    page = (run / "report.html").read_text()
    assert f'<svg role="img" aria-label="{TITLE}"' in page
    titles = ["sleep: requests a second", TITLE, "sleep: latency by percentile", "sleep: what a bystander felt"]
    places = [page.index(f"<figcaption>{title}") for title in titles]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (CHART.replace("chart = ", "picture = "), "moonlight.py: bind a ChartRule to the name `chart`"),
        (CHART.replace("moonlight-", "latency-"), "more than one chart has the file name latency-sleep.png"),
    ],
    ids=["no chart", "a name that is taken"],
)
def test_a_file_that_cannot_be_drawn_is_refused(tmp_path: Path, text: str, problem: str):
    told, run = reported(tmp_path, text)
    assert told.returncode != 0
    assert problem in " ".join((told.stdout + told.stderr).split())
    assert not (run / "report.html").exists()
