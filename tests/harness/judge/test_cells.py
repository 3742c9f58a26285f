from pathlib import Path

import pytest

from harness.judge.findings import find
from harness.plan.plan import Trial
from harness.record.run import read_run
from scenarios.wire.protocol import TrialResult
from tests.harness.judged import cell
from tests.rehearsal import plan, rehearse, result


def test_a_rate_that_cannot_be_carried_is_said_and_its_latencies_are_floors(tmp_path: Path):
    made = plan("sleep", rate=[200.0])
    findings = find(read_run(rehearse(tmp_path, made, lambda trial: result(50.0, dropped=3))))
    judged = cell(findings, "async")
    assert judged.cell.latency_is_lower_bound
    sentence = judged.warnings[0].sentence
    assert "offered 200 req/s and the server answered 50 req/s; 15 requests were dropped unsent" in sentence


def test_a_trial_that_lost_a_load_process_counts_for_nothing(tmp_path: Path):
    def results(trial: Trial) -> TrialResult:
        if trial.variant == "async" and trial.block == 0:
            return result(10, lost=1)
        return result(1000.0 if trial.variant == "async" else 500.0)

    findings = find(read_run(rehearse(tmp_path, plan("root", variants=["sync", "async"]), results)))
    judged = cell(findings, "async")
    assert judged.valid
    assert judged.cell.throughput_rps is not None
    assert judged.cell.throughput_rps.value == pytest.approx(1000)
    assert any("lost in 1 trial" in warning.sentence for warning in judged.warnings)
    assert findings.comparisons[0].comparison.blocks == 4


def test_think_time_is_part_of_littles_law_and_of_the_bound(tmp_path: Path):
    made = plan("sleep", variants=["async"], users=[40], think_ms=180)
    # 40 users of 20 ms answers and 180 ms thoughts: 200 requests a second.
    findings = find(read_run(rehearse(tmp_path, made, lambda _: result(200, users=4, connected=40))))
    judged = cell(findings, "async").cell
    assert judged.explained_users == pytest.approx(40, rel=0.01)
    assert judged.bound is not None
    assert judged.bound.rps == pytest.approx(200)
