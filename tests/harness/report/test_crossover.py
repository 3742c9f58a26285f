"""A search for a crossover as it is shown, from declared results."""

import json
import re
from pathlib import Path

import pytest

from harness.judge.crossover import read_crossover
from harness.report.crossover import answers, theory, write_crossover
from tests.harness.report.looking import look
from tests.rehearsal import rehearse_crossover

LEVELS = (1, 3, 6, 16, 20, 25, 31, 40, 102, 256)


def crossing(variant: str, users: int) -> float:
    """Both wait 20 ms; threads cost less of few users, and are all taken by 40."""
    if variant == "sync":
        return min(users, 40) / 0.0215
    return users / 0.0235 if users < 20 else min(users / 0.0208, 5_000)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = rehearse_crossover(tmp_path_factory.mktemp("reports"), crossing, LEVELS)
    write_crossover(made, read_crossover(made))
    return made


@pytest.fixture(scope="module")
def page(directory: Path) -> str:
    return (directory / "report.html").read_text()


def test_the_answer_comes_first_with_its_interval_and_the_level(directory: Path, page: str):
    (sentence,) = answers(read_crossover(directory))
    assert re.match(
        r"async overtakes sync at about 1\d users, between 16 and \d\d users \(async / sync: 0\.9", sentence
    )
    assert page.index("async overtakes sync") < page.index("<svg") < page.index("<table>")


def test_theory_stands_beside_it_where_the_bounds_part(directory: Path, page: str):
    assert theory(read_crossover(directory)) == (
        "In theory both have the same bound up to 40 users, and beyond it sync has the lower one: the thread pool has "
        "40 threads (40 / 20 ms = 2,000 req/s)."
    )
    assert "In theory" in page


def test_the_page_needs_nothing_from_elsewhere_and_ends_with_machine_and_command(page: str):
    assert not re.search(r"<(link|iframe|img|script)\b|@import|url\(\s*['\"]?(?!#)", page)
    footer = page[page.index("<footer>") :]
    assert "python bench.py crossover sleep sync async --over users" in footer
    assert "cores" in footer


def test_every_level_is_in_the_summary_and_its_own_run(directory: Path):
    summary = json.loads((directory / "summary.json").read_text())
    assert [level["level"] for level in summary["levels"]] == list(LEVELS)
    assert summary["saturation_at"] == 40
    (found,) = summary["crossings"]
    assert (found["better_below"], found["better_above"]) == ("sync", "async")
    assert found["low"] <= found["level"] <= found["high"]
    assert all((directory / "levels" / f"{level:05}" / "run.json").exists() for level in LEVELS)


def test_both_charts_are_pngs_too_and_the_page_is_the_same_whenever_it_is_written(directory: Path, page: str):
    names = {chart.name for chart in (directory / "charts").iterdir()}
    assert names == {"crossover-sleep.png", "ratio-sleep.png"}
    write_crossover(directory, read_crossover(directory))
    assert (directory / "report.html").read_text() == page


def test_without_a_crossing_it_says_which_was_better_where_and_what_is_left(tmp_path: Path):
    made = rehearse_crossover(
        tmp_path, lambda variant, users: min(users, 40 if variant == "sync" else 256) * 49, (20, 30, 64)
    )
    (sentence,) = answers(read_crossover(made))
    assert sentence == (
        "No crossover in range (20 to 64 users): async is better at 64 users; at 20 and 30 users they tie (within 5%)."
    )


def test_a_variant_that_is_better_throughout_is_named(tmp_path: Path):
    made = rehearse_crossover(tmp_path, lambda variant, users: users * (40 if variant == "sync" else 30), (5, 10))
    assert answers(read_crossover(made)) == ["No crossover in range (5 to 10 users): sync is better throughout."]


def test_an_invalid_level_decides_nothing_and_says_why(tmp_path: Path):
    made = rehearse_crossover(
        tmp_path, lambda variant, users: users * 40, (5, 10), problems={"sleep/async": "answers another body"}
    )
    curves = read_crossover(made)
    write_crossover(made, curves)
    assert answers(curves) == ["No answer for 5 to 10 users: every level is invalid."]
    assert "2 of 2 levels.\nAn invalid level favours no variant." in (made / "report.html").read_text()
    assert (
        "async, 5 and 10 users: Not equivalent to its pair: answers another body" in (made / "report.html").read_text()
    )


def test_a_search_that_did_not_end_says_so_and_counts_a_level_that_was_begun(tmp_path: Path):
    made = rehearse_crossover(tmp_path, crossing, (10, 40), ended=False, trials=4)
    curves = read_crossover(made)
    write_crossover(made, curves)
    assert [step.comparison.comparison.blocks for step in curves.steps] == [2, 2]
    assert "The search did not end." in (made / "report.html").read_text()


@pytest.mark.parametrize("width", [1200, 400])
def test_a_browser_shows_it_without_sideways_scrolling(browser: str, directory: Path, tmp_path: Path, width: int):
    seen = look(browser, directory / "report.html", width, tmp_path)
    assert (seen["over"], seen["wide"], seen["charts"]) == (0, [], 2)
    assert width < 1200 or seen["cut"] == []
