"""Two rehearsed runs beside each other."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from harness.judge.changes import changes, differences
from harness.judge.findings import Findings, find
from harness.judge.verdict import Verdict
from harness.plan.plan import Trial
from harness.record.run import read_run
from scenarios.wire.protocol import TrialResult
from tests.rehearsal import plan, rehearse, result

RATES = {"sync": 1_000.0, "async": 1_500.0}


def recorded(parent: Path, factor: float = 1.0, **options: Any) -> Path:
    def results(trial: Trial) -> TrialResult:
        return result(RATES[trial.variant] * (1 + 0.01 * ((trial.block % 3) - 1)) * factor, trial.level.users)

    return rehearse(parent, plan("root", variants=["sync", "async"], **options), results)


def findings(parent: Path, factor: float = 1.0, **options: Any) -> Findings:
    return find(read_run(recorded(parent, factor, **options)))


def with_fact(directory: Path, fact: str, value: str) -> Path:
    manifest = json.loads((directory / "run.json").read_text())
    manifest["machine"][fact] = value
    (directory / "run.json").write_text(json.dumps(manifest))
    return directory


@pytest.mark.parametrize(("factor", "verdict"), [(1.0, Verdict.TIE), (1.2, Verdict.WIN), (0.8, Verdict.LOSS)])
def test_a_change_between_runs_gets_a_verdict(tmp_path: Path, factor: float, verdict: Verdict):
    found = changes(findings(tmp_path), findings(tmp_path, factor), margin=0.05)
    assert [change.name for change in found] == ["root/sync", "root/async"]
    assert {change.verdict for change in found} == {verdict}


def test_runs_of_one_machine_and_one_plan_do_not_differ(tmp_path: Path):
    assert differences(findings(tmp_path), findings(tmp_path)) == ()


def test_levels_that_only_one_run_has_are_not_compared(tmp_path: Path):
    assert changes(findings(tmp_path, users=[8]), findings(tmp_path, users=[64]), margin=0.05) == ()


def test_another_python_or_another_window_is_named(tmp_path: Path):
    other = find(read_run(with_fact(recorded(tmp_path, seconds=2.0), "python", "CPython 3.14.0")))
    named = [str(difference) for difference in differences(findings(tmp_path), other)]
    assert any("is CPython 3.14.0" in sentence for sentence in named)
    assert "window was 1 s and is 2 s" in named


def test_what_is_not_comparable_is_refused_by_name_and_shown_stamped_if_forced(
    typed: Callable[..., Result], tmp_path: Path
):
    before, after = recorded(tmp_path), with_fact(recorded(tmp_path, 1.2), "cpu", "Another CPU")
    refused = typed("compare", str(before), str(after))
    assert refused.exit_code == 2
    assert "not comparable: cpu was" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    forced = typed("compare", str(before), str(after), "--force")
    assert forced.exit_code == 0
    assert "NOT COMPARABLE" in forced.stdout
    assert "WIN" in forced.stdout
