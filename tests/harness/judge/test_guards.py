from dataclasses import replace
from pathlib import Path

import pytest

from harness.judge.findings import find
from harness.judge.verdict import Verdict
from harness.machine.machine import Machine
from harness.plan.knobs import make_knobs
from harness.plan.plan import Trial
from harness.record.calibration import Calibration, Percentiles
from harness.record.run import read_run
from scenarios.wire.histogram import Distribution
from scenarios.wire.protocol import Slice, TrialResult
from scenarios.wire.victim import Victim
from tests.harness.judged import RATES, cell, findings_of, verdict, wobble
from tests.rehearsal import STARTED, distribution, plan, rehearse, result


@pytest.mark.parametrize(
    ("spoilt", "sentence"),
    [
        (result(1_500.0, failures={"status 500": 100}), "status 500: 500"),
        (result(0.0, failures={"refused": 3}), "100.0% of the requests failed"),
        (result(1_500.0, cpu_s={"server": 0.5, "load": 0.95}), "used 95% of its core and limited the throughput"),
        (result(1_500.0, lag=distribution([9_000] * 50)), "ran 9.0 ms late on average"),
        (result(4_000.0), "125% of what its declared wait allows"),
        (result(1_500.0, connected=60), "Only 60 of 64 users could connect"),
        (result(1_500.0, failures={"unanswered when the drain ended": 1}), "5 requests were never answered"),
        (result(1_500.0, core_busy=(0.9, 0.2)), "Other programs used up to 40% of the server's core"),
        (result(0.0), "No request was answered within the window"),
    ],
)
def test_a_failed_guard_makes_the_cell_and_its_comparisons_invalid(tmp_path: Path, spoilt: TrialResult, sentence: str):
    findings = findings_of(tmp_path, spoilt={"async": spoilt})
    judged = cell(findings, "async")
    assert not judged.valid
    assert sentence in judged.warnings[0].sentence
    assert verdict(findings, "async") == Verdict.INVALID
    assert verdict(findings, "blocking") == Verdict.LOSS


def test_a_variant_that_failed_verification_is_invalid(tmp_path: Path):
    directory = rehearse(
        tmp_path, plan("root"), lambda trial: result(1_000.0), problems={"root/async": "answers another body than sync"}
    )
    findings = find(read_run(directory))
    assert [judged.verdict for judged in findings.comparisons] == [Verdict.INVALID]
    assert "answers another body than sync" in cell(findings, "async").warnings[0].sentence


@pytest.mark.parametrize(
    ("spoilt", "sentence"),
    [
        (result(1_500.0, failures={"reset": 1}), "5 of 7505 requests failed"),
        (result(1_500.0, cpu_s={"server": 0.5, "load": 0.85}), "ratios may be understated"),
        (result(1_500.0, core_busy=(0.5, 0.97)), "The load generator's core was 97% busy"),
        (result(1_500.0, lag=distribution([100] * 90 + [9_000] * 10)), "ran 9 ms late at the p99"),
        (result(1_500.0, latency=distribution([10_000] * 1_500)), "accounts for 15 of 64 users"),
        (
            result(1_500.0, victims={"async_cold": Victim(failures={"timeout": 1})}),
            "5 bystander probes failed",
        ),
        (result(1_500.0, core_busy=(0.6, 0.2)), "Other programs used up to 10% of the server's core"),
    ],
)
def test_a_warning_that_does_not_invalidate_is_shown_and_leaves_the_verdict(
    tmp_path: Path, spoilt: TrialResult, sentence: str
):
    findings = findings_of(tmp_path, spoilt={"async": spoilt})
    judged = cell(findings, "async")
    assert judged.valid
    assert any(sentence in warning.sentence for warning in judged.warnings), judged.warnings
    assert verdict(findings, "async") == Verdict.WIN


def test_a_throughput_near_the_clients_ceiling_is_a_lower_bound(tmp_path: Path):
    ceiling = Calibration(
        1_600.0,
        6.0,
        False,
        Percentiles(0.1, 0.2),
        Percentiles(0.1, 0.2),
        64,
        5,
        STARTED,
        Machine("a processor", 2, "CPython 3"),
    )

    def results(trial: Trial) -> TrialResult:
        return result(RATES[trial.variant])

    findings = find(read_run(rehearse(tmp_path, plan("sleep"), results, calibration=ceiling)))
    assert "94% of the load generator's own limit" in cell(findings, "async").warnings[0].sentence
    assert cell(findings, "sync").warnings == ()


def test_a_window_in_which_nothing_ended_gives_no_verdict(tmp_path: Path):
    """Two thousand users in half a second: some trials end before the first answers do."""

    def results(trial: Trial) -> TrialResult:
        early = trial.variant == "async" and trial.block == 1
        return result(RATES[trial.variant], completed=0) if early else result(RATES[trial.variant])

    findings = find(read_run(rehearse(tmp_path, plan("sleep"), results)))
    judged = cell(findings, "async")
    assert not judged.valid
    assert "1 of 5 trials saw no success" in judged.warnings[0].sentence
    assert verdict(findings, "async") == Verdict.INVALID


def test_blocks_that_follow_each_other_are_said_to_be_fewer_than_they_seem(tmp_path: Path):
    def results(trial: Trial) -> TrialResult:
        drifting = 1 + 0.03 * trial.block if trial.variant == "async" else 1
        return result(RATES[trial.variant] * drifting)

    findings = find(read_run(rehearse(tmp_path, plan("sleep", blocks=12), results)))
    (warning,) = findings.comparisons[0].warnings
    assert "follow each other (lag-1 autocorrelation 0.7" in warning.sentence


def test_a_block_far_from_the_others_is_said_to_be_so(tmp_path: Path):
    def results(trial: Trial) -> TrialResult:
        return result(
            RATES[trial.variant] * wobble(trial) * (3 if trial.variant == "async" and trial.block == 7 else 1)
        )

    def shaken(trial: Trial) -> TrialResult:
        noise = 1 + 0.02 * ((trial.number * 37) % 11 - 5) / 5
        return replace(results(trial), completed=round(results(trial).completed * noise))

    findings = find(read_run(rehearse(tmp_path, plan("sleep", blocks=12), shaken)))
    assert any("robust standard deviations" in warning.sentence for warning in findings.comparisons[0].warnings)


def test_halves_that_differ_are_said_to_be_not_steady(tmp_path: Path):
    def results(trial: Trial) -> TrialResult:
        rate = RATES[trial.variant]
        swing = 0.2 if trial.variant == "async" else 0.0
        parts = [
            Slice(round(rate * share), 0, Distribution()) for share in (1 - swing, 1 - swing, 1 + swing, 1 + swing)
        ]
        return result(rate, window_s=4.0, slices=tuple(parts))

    findings = find(read_run(rehearse(tmp_path, plan("sleep", seconds=4.0), results)))
    assert "Not steady: in 100% of the trials" in cell(findings, "async").warnings[0].sentence
    assert cell(findings, "sync").warnings == ()


def test_a_good_cell_has_no_warning(tmp_path: Path):
    assert cell(findings_of(tmp_path), "async").warnings == ()


def test_a_cell_that_lost_a_load_process_in_every_trial_is_invalid(tmp_path: Path):
    def results(trial: Trial) -> TrialResult:
        return result(1000, lost=1 if trial.variant == "async" else 0)

    findings = find(read_run(rehearse(tmp_path, plan("root", variants=["sync", "async"]), results)))
    assert not cell(findings, "async").valid
    assert findings.comparisons[0].verdict is Verdict.INVALID


def test_workers_on_asyncios_loop_are_said_to_answer_late_for_no_reason_of_the_handlers(tmp_path: Path):
    settings = make_knobs({"workers": [1, 2], "loop": ["uvloop", "asyncio"]})
    made = plan("root", variants=["async"], settings=settings)
    findings = find(read_run(rehearse(tmp_path, made, lambda trial: result(1_000.0, trial.level.users))))
    warned = {
        (judged.cell.level.knobs.workers, judged.cell.level.knobs.loop)
        for judged in findings.cells
        if any("TCP_NODELAY" in warning.sentence for warning in judged.warnings)
    }
    assert warned == {(2, "asyncio")}
