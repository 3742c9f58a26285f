"""The right half, on rehearsed runs: no clock, no socket."""

from pathlib import Path

import pytest

from harness.judge.findings import find
from harness.judge.verdict import Verdict
from harness.plan.knobs import make_knobs
from harness.record.run import read_run
from harness.report.summary_json import to_summary
from tests.harness.judged import RATES, cell, findings_of, verdict, wobble
from tests.rehearsal import plan, rehearse, result


def test_a_run_is_judged_by_its_ratios(tmp_path: Path):
    findings = findings_of(tmp_path)
    assert (verdict(findings, "async"), verdict(findings, "blocking"), verdict(findings, "offload")) == (
        Verdict.WIN,
        Verdict.LOSS,
        Verdict.TIE,
    )
    comparison = findings.comparisons[0].comparison
    assert comparison.ratio is not None
    assert comparison.ratio.value == pytest.approx(1.5, rel=1e-3)
    assert comparison.blocks == 5


def test_a_cell_at_its_bound_names_what_sets_it(tmp_path: Path):
    findings = findings_of(tmp_path, spoilt={"sync": result(1_950.0)})
    assert "the thread pool has 40 threads (40 / 20 ms = 2,000 req/s, 98% reached)" in (
        cell(findings, "sync").cause or ""
    )
    assert cell(findings, "offload").cause is None


def test_a_full_core_is_named_with_the_cpu_of_a_request(tmp_path: Path):
    findings = findings_of(tmp_path, spoilt={"sync": result(1_000.0, cpu_s={"server": 0.99, "load": 0.1})})
    assert cell(findings, "sync").cause == "the server's core is full: 990 µs of CPU a request"


def test_an_interrupted_run_is_judged_by_the_blocks_that_it_has(tmp_path: Path):
    directory = rehearse(tmp_path, plan("sleep"), lambda trial: result(RATES[trial.variant]), trials=10)
    findings = find(read_run(directory))
    assert not findings.run.is_complete
    assert {judged.comparison.blocks for judged in findings.comparisons} <= {2, 3}


def test_a_claim_is_settled_by_its_comparison(tmp_path: Path):
    settled = {judged.claim.contender: judged.settlement for judged in findings_of(tmp_path).claims}
    assert settled == {"async": "confirmed", "blocking": "confirmed"}
    slow = findings_of(tmp_path, spoilt={"async": result(500.0)})
    assert {judged.claim.contender: judged.settlement for judged in slow.claims}["async"] == "refuted"
    single = findings_of(tmp_path, plan("sleep", blocks=1))
    assert {judged.settlement for judged in single.claims} == {"undecided"}


def test_a_setting_of_the_server_is_compared_with_the_first_one_of_the_same_variant(tmp_path: Path):
    settings = make_knobs({"workers": [1, 2]})
    made = plan("root", variants=["async"], settings=settings)
    directory = rehearse(
        tmp_path, made, lambda trial: result(1_000.0 * trial.level.knobs.workers * wobble(trial), trial.level.users)
    )
    findings = find(read_run(directory))
    assert findings.comparisons == ()
    (judged,) = findings.settings
    assert judged.verdict is Verdict.WIN
    assert judged.outcome.ratio is not None
    assert judged.outcome.ratio.value == pytest.approx(2.0, rel=0.02)
    (entry,) = to_summary(findings)["settings"]
    assert (entry["variant"], entry["level"]["knobs"]["workers"], entry["verdict"]) == ("async", 2, "WIN")
    assert "knobs" not in entry["against"]


def test_a_run_of_one_setting_compares_no_settings(tmp_path: Path):
    assert findings_of(tmp_path).settings == ()
