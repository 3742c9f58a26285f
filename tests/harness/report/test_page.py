"""The page: from a rehearsed run, and in a real browser."""

import html.parser
import json
import re
import subprocess
from pathlib import Path

import pytest

from harness.plan.plan import Trial
from harness.report.page import write_report
from scenarios.wire.protocol import TrialResult
from tests.rehearsal import plan, rehearse, result

RATES = {"sync": 1_000.0, "async": 1_500.0, "blocking": 50.0, "offload": 1_010.0}


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
    lead, validity, table = page.index('class="lead"'), page.index("cells are invalid"), page.index("<table>")
    assert lead < validity < table


def test_an_invalid_cell_is_struck_out_and_not_dropped(page: str):
    assert '<tr class="invalid"><td class="name">async <b class="INVALID">INVALID</b>' in page
    assert "Not a fair twin: &lt;lies&gt;" in page


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
    assert "No two variants were measured" in (made / "report.html").read_text()


def test_a_run_in_which_nothing_was_answered_has_a_page(tmp_path: Path):
    made = rehearse(tmp_path, plan("root"), lambda trial: result(0.0, failures={"refused": 3}))
    write_report(made)
    assert "n/a" in (made / "report.html").read_text()


def test_an_interrupted_run_says_so_above_its_results(tmp_path: Path):
    made = rehearse(tmp_path, plan("sleep"), results, trials=9)
    write_report(made)
    page = (made / "report.html").read_text()
    assert page.index("The run did not end") < page.index("<table>")


@pytest.mark.parametrize("width", [1100, 400])
def test_a_browser_shows_the_page_without_a_fault_or_sideways_scrolling(
    browser: str, directory: Path, tmp_path: Path, width: int
):
    probe = tmp_path / "probe.html"
    report = (directory / "report.html").read_text()
    script = (
        "<script>addEventListener('load', () => document.title = JSON.stringify({"
        "over: document.documentElement.scrollWidth - document.documentElement.clientWidth,"
        "charts: [...document.querySelectorAll('svg')].filter(svg => svg.getBoundingClientRect().height > 50).length,"
        "ids: [...document.querySelectorAll('nav a')].every(a => document.querySelector(a.getAttribute('href')))"
        "}))</script>"
    )
    # Headless Chromium has no windows narrower than 500 pixels: a frame has.
    probe.write_text(report.replace("</body>", script + "</body>"))
    frame = tmp_path / "frame.html"
    frame.write_text(
        f'<iframe src="probe.html" style="width:{width}px;height:900px;border:0"></iframe>'
        "<script>addEventListener('load', () => document.body.dataset.seen = frames[0].document.title)</script>"
    )
    shown = subprocess.run(
        [
            *(
                browser,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--allow-file-access-from-files",
            ),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic"),
            *(f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1300,1000", "--dump-dom", frame.as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    ).stdout
    seen = json.loads(html.unescape(re.search(r'data-seen="([^"]*)"', shown)[1]))  # type: ignore[index]
    assert seen == {"over": 0, "charts": 8, "ids": True}
