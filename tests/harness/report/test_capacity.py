"""The page of a capacity search, from declared probes."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bench_app.workload import Kind
from harness.judge.capacity import Capacities, Probe, VariantCapacity
from harness.judge.objective import Objective
from harness.machine.facts import facts
from harness.machine.placement import Placement
from harness.report.capacity import write_capacities
from tests.harness.report.looking import look


def variant(name: str, kind: Kind, *found_rps: float, problems: tuple[str, ...] = ()) -> VariantCapacity:
    """A variant whose searches each tried a rate below what they found, and one above, which broke the objective."""
    probes = tuple(
        Probe(repeat, share * rps, share * rps, 120 * share, 4.5, 1_234, 0.3, "p99 was 312.5 ms" if share > 1 else None)
        for repeat, rps in enumerate(found_rps, start=1)
        for share in (0.9, 1.1)
    )
    return VariantCapacity(name, kind, None if name == "sync" else "sync", problems, probes, found_rps)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("capacity")
    capacities = Capacities(
        schema=1,
        workload="sleep",
        question="What does a wait cost?",
        objective=Objective(99, 250),
        arrivals="poisson",
        connections=256,
        repeats=3,
        window_s=1.0,
        seed=1,
        margin=0.05,
        started=datetime(2026, 11, 23, 12, 0, tzinfo=UTC),
        command="python bench.py capacity sleep --slo 'p99<250ms'",
        machine=facts(Placement((0,), (1,), (1,), shared=False)),
        placement="core 0",
        variants=(
            variant("sync", "sync", 19_000, 19_500, 18_900),
            variant("async", "async", 30_000, 30_500, 29_500),
            variant("async_connect_each", "async", 300, 305, 295, problems=("answers <another> body",)),
        ),
    )
    write_capacities(made, capacities)
    return made


def test_the_answer_comes_before_the_table_and_says_what_fails_at_a_higher_rate(directory: Path):
    page = re.sub(r"\s+", " ", (directory / "report.html").read_text())
    assert page.index("async carries 1.57× the rate of sync") < page.index("<table>")
    assert '<td class="sentence">p99 was 312.5 ms</td>' in page
    assert "not equivalent to its pair: answers &lt;another&gt; body." in page


@pytest.mark.parametrize("width", [1200, 400])
def test_a_browser_shows_it_without_sideways_scrolling(browser: str, directory: Path, tmp_path: Path, width: int):
    seen = look(browser, directory / "report.html", width, tmp_path)
    assert (seen["over"], seen["wide"], seen["charts"]) == (0, [], 1)
    assert width < 1200 or seen["cut"] == []
