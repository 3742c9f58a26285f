from pathlib import Path

import pytest

from harness.judge.findings import find
from harness.judge.verdict import Verdict
from harness.plan.plan import Trial
from harness.record.run import read_run
from harness.report.summary_json import to_summary
from scenarios.wire.protocol import TrialResult
from tests.harness.judged import cell, findings_of, verdict, wobble
from tests.rehearsal import distribution, plan, rehearse, result


def test_an_interval_is_never_narrower_than_what_a_window_can_count(tmp_path: Path):
    """Users that move in step finish in whole waves, the same number in each window: no spread, and no certainty."""
    made = plan("sleep", users=[20])
    lockstep = {"sync": result(40.0, 20), "async": result(60.0, 20)}
    findings = find(read_run(rehearse(tmp_path, made, lambda trial: lockstep.get(trial.variant, result(100.0, 20)))))
    comparison = findings.comparisons[0].comparison
    assert comparison.ratio is not None
    assert comparison.ratio.value == pytest.approx(1.5)
    assert comparison.ratio.low is not None
    assert comparison.ratio.low < 1.25
    assert any("intervals of its ratios are widened" in warning.sentence for warning in cell(findings, "sync").warnings)


def test_an_open_loop_is_judged_by_its_p99_and_less_is_better(tmp_path: Path):
    made = plan("sleep", rate=[40.0])
    p99_ms = {"sync": 40, "async": 20, "blocking": 400, "offload": 40}

    def results(trial: Trial) -> TrialResult:
        latency = distribution([p99_ms[trial.variant] * 1000 + trial.block] * 1000)
        return result(40.0, latency=latency)

    findings = find(read_run(rehearse(tmp_path, made, results)))
    assert [verdict(findings, name) for name in ("async", "blocking", "offload")] == ["WIN", "LOSS", "TIE"]
    summary = to_summary(findings)
    assert summary["comparisons"][0]["metric"] == "p99_ms"
    assert summary["comparisons"][0]["ratio"] == pytest.approx(0.5, rel=0.02)
    assert summary["cells"][0]["level"] == {
        "model": "open",
        "rate_rps": 40.0,
        "connections": 64,
        "arrivals": "constant",
    }


def test_percentiles_are_compared_as_well_and_never_counted_as_the_verdict(tmp_path: Path):
    """A spike on two requests in a hundred: throughput hardly moves, the p99 does."""

    def results(trial: Trial) -> TrialResult:
        spiked = [64_000] * 980 + [128_000 if trial.variant == "async" else 64_000] * 20
        return result(1_000.0 * wobble(trial), latency=distribution([us + trial.block for us in spiked]))

    findings = find(read_run(rehearse(tmp_path, plan("root", variants=["sync", "async"]), results)))
    (judged,) = findings.comparisons
    assert judged.verdict is Verdict.TIE
    assert {outcome.metric: found for outcome, found in judged.secondary} == {
        "p50_ms": Verdict.TIE,
        "p95_ms": Verdict.TIE,
        "p99_ms": Verdict.LOSS,
    }


def test_one_block_gives_no_verdict(tmp_path: Path):
    findings = findings_of(tmp_path, plan("sleep", blocks=1))
    assert {judged.verdict for judged in findings.comparisons} == {Verdict.INCONCLUSIVE}
