"""The page: from a rehearsed run, and in a real browser."""

import html.parser
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from harness.plan.plan import Trial
from harness.record.telemetry import Telemetry
from harness.report.page import write_report
from scenarios.wire.protocol import TrialResult
from tests.harness.judge.test_inquiry import told as told_by_sleep
from tests.harness.report.looking import look
from tests.rehearsal import plan, rehearse, result

RATES = {"sync": 1_000.0, "async": 1_500.0, "blocking": 50.0, "offload": 1_010.0}
LONG_PATH = "src/company_internal_services/payments_and_invoices/application/routers/charge_customers.py"


class Outline(html.parser.HTMLParser):
    """The elements of a page with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))


def results(trial: Trial) -> TrialResult:
    return result(RATES[trial.variant] * (1 + 0.01 * (trial.block % 2)), trial.level.users)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = rehearse(
        tmp_path_factory.mktemp("reports"), plan("sleep", "root"), results, problems={"root/async": "<lies>"}
    )
    write_report(made)
    return made


@pytest.fixture(scope="module")
def page(directory: Path) -> str:
    return (directory / "report.html").read_text()


def test_the_page_needs_nothing_from_elsewhere(page: str):
    for tag, attributes in Outline(page).elements:
        assert tag not in ("link", "iframe", "img"), attributes
        assert tag != "script" or attributes.get("type") == "application/json"
        assert not attributes.get("src")
    assert not re.search(r"@import|url\(\s*['\"]?(?!#)", page)
    assert len(page) < 2_000_000


def test_the_verdict_comes_before_everything_and_failures_before_the_tables(page: str):
    lead, validity, table = page.index('class="lead"'), page.index("cells is invalid"), page.index("<table>")
    assert lead < validity < table


def test_an_invalid_cell_is_struck_out_and_not_dropped(page: str):
    assert '<tr class="invalid"><td>async <b class="INVALID">INVALID</b>' in page
    assert "Not equivalent to its pair: &lt;lies&gt;" in page


def test_what_a_server_answered_cannot_become_markup(page: str):
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_the_embedded_summary_is_the_one_beside_the_page(page: str, directory: Path):
    embedded = page.split('<script type="application/json" id="summary">')[1].split("</script>")[0]
    assert json.loads(embedded) == json.loads((directory / "summary.json").read_text())


def test_every_chart_says_its_level_and_its_loop(page: str):
    names = [attributes["aria-label"] for tag, attributes in Outline(page).elements if tag == "svg"]
    assert len(names) == 2 + 2 * 3
    assert all("64 users, closed loop" in (name or "") for name in names)


def test_every_chart_is_a_png_too(directory: Path):
    charts = {chart.stem for chart in (directory / "charts").glob("*.png")}
    kinds = {
        f"{chart}-{workload}" for chart in ("throughput", "latency", "bystander") for workload in ("sleep", "root")
    }
    assert charts == kinds | {"verdicts", "trials"}
    assert all(chart.read_bytes().startswith(b"\x89PNG") for chart in (directory / "charts").glob("*.png"))


def test_the_page_is_the_same_whenever_it_is_written(directory: Path, page: str):
    write_report(directory)
    assert (directory / "report.html").read_text() == page


def test_several_levels_get_a_chart_of_throughput_against_users(tmp_path: Path):
    made = rehearse(tmp_path, plan("sleep", users=[8, 64]), results)
    write_report(made)
    assert (made / "charts" / "levels-sleep.png").exists()
    assert "8 and 64 users, closed loop" in (made / "report.html").read_text()


def test_a_run_of_one_variant_has_a_page_without_verdicts(tmp_path: Path):
    made = rehearse(tmp_path, plan("sleep", variants=["async"]), results)
    write_report(made)
    assert "this run measured no pair of variants" in (made / "report.html").read_text()


def test_a_run_in_which_nothing_was_answered_has_a_page(tmp_path: Path):
    made = rehearse(tmp_path, plan("root"), lambda trial: result(0.0, failures={"refused": 3}))
    write_report(made)
    assert "n/a" in (made / "report.html").read_text()


def test_an_interrupted_run_says_so_above_its_results(tmp_path: Path):
    made = rehearse(tmp_path, plan("sleep"), results, trials=9)
    write_report(made)
    page = (made / "report.html").read_text()
    assert page.index("The run did not end") < page.index("<table>")


def test_a_workload_of_which_nothing_was_measured_yet_has_no_chart(tmp_path: Path):
    run = rehearse(tmp_path, plan("sleep", "root", users=[8, 64]), results, trials=1)
    write_report(run)
    assert "No trial of this workload was measured" in (run / "report.html").read_text()
    measured = {chart.stem.split("-")[1] for chart in (run / "charts").glob("*-*.png")}
    assert len(measured) == 1


@pytest.fixture(scope="module")
def explained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with causes in a long path, several levels, long names, an invalid cell and figures of five digits."""

    def many(trial: Trial) -> TrialResult:
        return result(10 * RATES.get(trial.variant, 700.0) * (1 + 0.01 * (trial.block % 2)), trial.level.users)

    def told(trial: Trial) -> Telemetry | None:
        seen = told_by_sleep(trial) if trial.workload == "sleep" else None
        if seen is None or seen.accounts is None:
            return seen
        sites = tuple(replace(site, file=LONG_PATH) for site in seen.accounts.sites)
        return replace(seen, accounts=replace(seen.accounts, sites=sites))

    made = plan("sleep", "database", users=[64, 256], diagnose=True)
    directory = rehearse(
        tmp_path_factory.mktemp("explained"), made, many, told=told, problems={"database/async_connect_each": "lies"}
    )
    write_report(directory)
    assert f"blocks the event loop at {LONG_PATH}:65" in (directory / "report.html").read_text()
    return directory


@pytest.mark.parametrize("width", [1200, 1100, 400])
@pytest.mark.parametrize("run", ["directory", "explained"])
def test_a_browser_shows_the_page_without_a_fault_or_sideways_scrolling(
    browser: str, run: str, request: pytest.FixtureRequest, tmp_path: Path, width: int
):
    seen = look(browser, request.getfixturevalue(run) / "report.html", width, tmp_path)
    assert (seen["over"], seen["wide"], seen["ids"]) == (0, [], True)
    assert seen["charts"] >= 8
    if width == 1200:
        assert seen["cut"] == []
    if width == 400:
        assert seen["cut"], "the wide tables scroll in their frames"
