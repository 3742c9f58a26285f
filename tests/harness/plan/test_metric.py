"""What a verdict is about, and how many requests a percentile rests on."""

from pathlib import Path

import pytest

from harness.plan.level import Level
from harness.plan.metric import PERCENTILES, PERCENTS, less_is_better, mass_needed, primary, secondary
from tests.tree import copy_tree, run_python


def test_a_closed_loop_is_about_throughput_and_an_open_one_about_the_p99():
    assert primary(Level(64)) == "throughput_rps"
    assert primary(Level(64, "open", 200.0)) == "p99_ms"
    assert secondary(Level(64)) == tuple(PERCENTILES)
    assert "p99_ms" not in secondary(Level(64, "open", 200.0))


def test_a_percentile_needs_ten_requests_beyond_it():
    assert [mass_needed(percent) for percent in (50, 95, 99)] == [20, 200, 1_000]
    assert mass_needed(99.9) == 20_000
    with pytest.raises(ValueError, match="below 100"):
        mass_needed(100)


def test_less_of_a_latency_is_better_and_more_of_a_throughput():
    assert less_is_better("p99_ms")
    assert not less_is_better("throughput_rps")


SHOWS_IT = """
import json, sys
from pathlib import Path
from harness.judge.findings import find
from harness.record.run import read_run
from harness.report.page import write_report
from tests.rehearsal import plan, rehearse, result

directory = rehearse(Path(sys.argv[1]), plan("root"), lambda trial: result(1_000.0 + trial.number, trial.level.users))
write_report(directory)
summary = json.loads((directory / "summary.json").read_text())
print(sorted(summary["cells"][0]["latency_ms"]), sorted(summary["comparisons"][0]["secondary"]))
print((directory / "report.html").read_text().count('<th class="n">p90</th>'))
"""


def test_to_add_a_percentile_is_to_add_a_number_to_one_file(tmp_path: Path):
    tree = copy_tree(tmp_path)
    metric = tree / "harness" / "plan" / "metric.py"
    text = metric.read_text()
    line = f"PERCENTS: Final[tuple[float, ...]] = {PERCENTS}"
    assert line in text
    metric.write_text(text.replace(line, "PERCENTS: Final[tuple[float, ...]] = (50, 90, 95, 99, 99.9)"))
    done = run_python(tree, "-c", SHOWS_IT, str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    in_summary, on_page = done.stdout.splitlines()
    assert in_summary == "['p50', 'p90', 'p95', 'p99', 'p99.9'] ['p50_ms', 'p90_ms', 'p95_ms', 'p99.9_ms', 'p99_ms']"
    assert int(on_page) == 1
