"""The right half, on rehearsed runs: no clock, no socket."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.judge.findings import Findings, JudgedCell, find
from harness.judge.verdict import Verdict
from harness.machine.machine import Machine
from harness.plan.knobs import make_knobs
from harness.plan.plan import Plan, Trial
from harness.plan.schedule import Schedule
from harness.record.calibration import Calibration, Percentiles
from harness.record.run import read_run
from harness.report.summary_json import to_summary
from scenarios.wire.histogram import Distribution
from scenarios.wire.protocol import Slice, TrialResult
from scenarios.wire.victim import Victim
from tests.rehearsal import STARTED, distribution, plan, rehearse, result

RATES = {"sync": 1_000.0, "async": 1_500.0, "blocking": 50.0, "offload": 1_010.0}


def wobble(trial: Trial) -> float:
    """A known, balanced unevenness, so that the intervals are not points."""
    return 1 + 0.01 * ((trial.block % 3) - 1)


def findings_of(parent: Path, made: Plan | None = None, spoilt: Mapping[str, TrialResult] | None = None) -> Findings:
    def results(trial: Trial) -> TrialResult:
        return (spoilt or {}).get(trial.variant) or result(RATES[trial.variant] * wobble(trial), trial.level.users)

    return find(read_run(rehearse(parent, made or plan("sleep"), results)))


def cell(findings: Findings, variant: str) -> JudgedCell:
    return next(judged for judged in findings.cells if judged.cell.variant.name == variant)


def verdict(findings: Findings, contender: str) -> Verdict:
    return next(judged.verdict for judged in findings.comparisons if judged.comparison.pair.contender == contender)


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


def test_a_twin_that_failed_verification_is_invalid(tmp_path: Path):
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
def test_a_caveat_that_does_not_invalidate_is_shown_and_leaves_the_verdict(
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


def test_a_rate_that_cannot_be_carried_is_said_and_its_latencies_are_floors(tmp_path: Path):
    made = plan("sleep", rate=[200.0])
    findings = find(read_run(rehearse(tmp_path, made, lambda trial: result(50.0, dropped=3))))
    judged = cell(findings, "async")
    assert judged.cell.latency_is_lower_bound
    sentence = judged.warnings[0].sentence
    assert "offered 200 req/s and the server answered 50 req/s; 15 requests were dropped unsent" in sentence


def disturbed(trial: Trial, blocks: set[int], **changes: Any) -> TrialResult:
    """A steady trial; those of `async` in these blocks are disturbed, and half as fast for it."""
    if trial.variant == "async" and trial.block in blocks:
        return result(RATES["async"] / 2, **changes)
    return result(RATES[trial.variant] * wobble(trial))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"core_busy": (0.9, 0.2), "core_steal": (0.2, 0.0)},
            "a hypervisor took 20% of a core, other programs used 20% of the server's core",
        ),
        ({"core_busy": (0.8, 0.2)}, "other programs used 30% of the server's core"),
        ({"throttled": 3}, "stopped 3 times by its CPU quota"),
    ],
)
def test_a_disturbed_block_is_rejected_whole_and_listed(tmp_path: Path, changes: dict[str, Any], reason: str):
    made = plan("sleep", blocks=6)
    findings = find(read_run(rehearse(tmp_path, made, lambda trial: disturbed(trial, {2}, **changes))))
    assert [(block.number, str(block), block.rejected) for block in findings.disturbed] == [(2, reason, True)]
    assert {len(judged.cell.trials) for judged in findings.cells} == {5}
    comparison = findings.comparisons[0].comparison
    assert comparison.ratio is not None
    assert comparison.ratio.value == pytest.approx(1.5, rel=0.01)
    assert to_summary(findings)["disturbed_blocks"][0]["reasons"] == reason.split(", ")


def test_a_slow_core_is_known_by_its_speed(tmp_path: Path):
    made = plan("sleep", blocks=6)
    speeds = {trial.number: 30.0 if trial.block == 4 else 20.0 for trial in Schedule(made).trials}
    directory = rehearse(tmp_path, made, lambda trial: disturbed(trial, {4}), core_speed_ms=speeds)
    (block,) = find(read_run(directory)).disturbed
    assert (block.number, block.rejected, str(block)) == (4, True, "core 50% slower than its median")


def test_at_most_a_fifth_of_the_blocks_is_rejected_and_the_worst_come_first(tmp_path: Path):
    """With more rejected than that, it would be the rule that chooses the result."""

    def results(trial: Trial) -> TrialResult:
        return result(
            RATES[trial.variant], core_busy=(0.55 + trial.block / 100, 0.2), core_steal=(0.05 + trial.block / 100, 0.0)
        )

    findings = find(read_run(rehearse(tmp_path, plan("sleep", blocks=10), results)))
    assert len(findings.disturbed) == 10
    assert {block.number for block in findings.rejected} == {8, 9}
    assert verdict(findings, "async") is Verdict.WIN
    assert all(judged.valid for judged in findings.cells)
    (unrest,) = findings.unrest
    assert (unrest.name, unrest.trials) == ("steal", 40)


def test_what_somebody_here_does_in_most_blocks_takes_the_verdict_away(tmp_path: Path):
    findings = find(
        read_run(rehearse(tmp_path, plan("sleep", blocks=6), lambda t: disturbed(t, {0, 1, 2}, throttled=1)))
    )
    assert verdict(findings, "async") is Verdict.INVALID
    assert "Lift the CPU quota" in cell(findings, "async").warnings[0].sentence
    assert verdict(findings, "blocking") is Verdict.LOSS


def test_the_rules_of_rejection_do_not_see_the_outcome(tmp_path: Path):
    """The same disturbances reject the same blocks, whatever was measured in them."""

    def rejected(name: str, rate: float) -> list[int]:
        made = plan("sleep", blocks=6)

        def results(trial: Trial) -> TrialResult:
            steal = 0.04 * ((trial.number * 7) % 5)
            return result(rate * (1 + trial.block), core_steal=(steal, 0.0), core_busy=(0.5 + steal, 0.1))

        return [block.number for block in find(read_run(rehearse(tmp_path / name, made, results))).rejected]

    assert rejected("slow", 500.0) == rejected("fast", 900.0) != []


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


def test_a_good_cell_has_no_caveat(tmp_path: Path):
    assert cell(findings_of(tmp_path), "async").warnings == ()


def test_one_block_gives_no_verdict(tmp_path: Path):
    findings = findings_of(tmp_path, plan("sleep", blocks=1))
    assert {judged.verdict for judged in findings.comparisons} == {Verdict.INCONCLUSIVE}


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


def test_a_cell_that_lost_a_load_process_in_every_trial_is_invalid(tmp_path: Path):
    def results(trial: Trial) -> TrialResult:
        return result(1000, lost=1 if trial.variant == "async" else 0)

    findings = find(read_run(rehearse(tmp_path, plan("root", variants=["sync", "async"]), results)))
    assert not cell(findings, "async").valid
    assert findings.comparisons[0].verdict is Verdict.INVALID


def test_think_time_is_part_of_littles_law_and_of_the_bound(tmp_path: Path):
    made = plan("sleep", variants=["async"], users=[40], think_ms=180)
    # 40 users of 20 ms answers and 180 ms thoughts: 200 requests a second.
    findings = find(read_run(rehearse(tmp_path, made, lambda _: result(200, users=4, connected=40))))
    judged = cell(findings, "async").cell
    assert judged.explained_users == pytest.approx(40, rel=0.01)
    assert judged.bound is not None
    assert judged.bound.rps == pytest.approx(200)


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
