from pathlib import Path
from typing import Any

import pytest

from harness.judge.findings import find
from harness.judge.verdict import Verdict
from harness.plan.plan import Trial
from harness.plan.schedule import Schedule
from harness.record.run import read_run
from harness.report.summary_json import to_summary
from scenarios.wire.protocol import TrialResult
from tests.harness.judged import RATES, cell, verdict, wobble
from tests.rehearsal import plan, rehearse, result


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
