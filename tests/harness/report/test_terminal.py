"""The tables of the terminal, from rehearsed runs."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench_app.workload import Workload
from harness.judge.findings import Findings
from harness.plan.knobs import make_knobs
from harness.record.disturbance import DisturbedBlock, Signal
from harness.report.terminal import iso_table, plan_table, print_findings, verdict_table, workload_table
from tests.harness.causes.made_up import LEVEL
from tests.harness.judge.test_inquiry import told
from tests.harness.judged import RATES, console, findings_of, printed, wobble
from tests.rehearsal import plan, result


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    return findings_of(tmp_path_factory.mktemp("reports"))


def said_of(findings: Findings) -> str:
    to = console()
    print_findings(findings, to)
    return to.export_text()


def test_each_comparison_has_a_line_with_its_ratio_and_verdict(findings: Findings):
    rows = {" ".join(line.split()[:3]): line for line in printed(verdict_table(findings), 80).splitlines() if line}
    assert "users" not in rows["contender / baseline"]
    assert "1.50×" in rows["async / sync"]
    assert "WIN" in rows["async / sync"]
    assert "LOSS" in rows["blocking / sync"]
    assert "TIE" in rows["offload / sync"]
    assert "…" not in "".join(rows.values())


def test_several_levels_have_a_column_and_the_table_still_fits_a_terminal(tmp_path: Path):
    table = verdict_table(findings_of(tmp_path, plan("sleep", users=[8, 64])))
    narrow = printed(table, 80)
    assert "…" not in narrow
    assert narrow.split() == printed(table, 200).split()
    assert [line.split()[3] for line in narrow.splitlines() if "async / sync" in line] == ["8", "64"]


def test_a_plan_says_how_many_trials_there_are_at_least_and_at_most():
    fixed = printed(plan_table(plan("sleep", blocks=5)))
    assert "sync, async, blocking, offload" in fixed
    assert "64 users, closed loop" in fixed
    assert fixed.split()[-1] == "20"
    assert "20 to 40" in printed(plan_table(plan("sleep", blocks=5, max_blocks=10)))


def test_a_plan_names_the_pair_that_is_offered_an_equal_rate():
    last = printed(plan_table(plan("sleep", iso_rate=0.7))).splitlines()[-1]
    assert "sync, async" in last
    assert "70% of the slower one's req/s, open loop" in last
    assert last.split()[-1] == "10"


def test_a_pair_at_an_equal_rate_has_a_line_with_both_latencies(tmp_path: Path):
    found = findings_of(tmp_path, plan("sleep", rate=[40.0], variants=["sync", "async"]),
                        results=lambda trial: result(40.0, 2 if trial.variant == "sync" else 1))  # fmt: skip
    (line,) = [line for line in printed(iso_table(replace(found, iso=found.comparisons))).splitlines() if ":" in line]
    assert line.split()[:4] == ["sleep:", "async", "/", "sync"]
    assert "too few / too few" in line


def test_what_is_invalid_comes_before_the_verdicts_with_its_reason(tmp_path: Path):
    said = said_of(findings_of(tmp_path, spoilt={"async": result(1_500.0, connected=60)}))
    assert said.index("INVALID sleep/async, 64 users, closed loop: Only 60 of 64") < said.index("bystander")
    assert "INVALID" in next(line for line in said.splitlines() if "async / sync" in line)


def test_a_run_that_did_not_end_says_so(tmp_path: Path):
    assert "The run did not end: 9 of 20 trials." in said_of(findings_of(tmp_path, trials=9))


def test_of_many_rejected_blocks_only_the_first_are_told_in_full(findings: Findings):
    blocks = tuple(DisturbedBlock("sleep", LEVEL, number, (Signal("steal", 0.2),), True) for number in range(5))
    one, many = (" ".join(said_of(replace(findings, disturbed=blocks[:count])).split()) for count in (1, 5))
    assert "1 block rejected, because the machine was disturbed: sleep, 64 users, closed loop, block 1 of 5" in one
    assert "5 blocks rejected" in many
    assert many.count("a hypervisor took 20%") == 3
    assert "and 2 more on the page." in many
    assert "rejected" not in said_of(findings)


def test_a_run_of_one_variant_has_its_figures_and_no_verdict(tmp_path: Path):
    said = " ".join(said_of(findings_of(tmp_path, plan("sleep", variants=["async"]))).split())
    assert "sleep/async, 64 users, closed loop: 1,497 req/s (1,481 to 1,513)" in said
    assert said.endswith("This run measured no pair of variants, so there is no verdict.")


def test_a_setting_stands_against_the_first_one_and_not_against_a_variant(tmp_path: Path):
    made = plan("root", variants=["async"], settings=make_knobs({"workers": [1, 2]}))
    said = said_of(findings_of(
        tmp_path, made, results=lambda trial: result(1_000.0 * trial.level.knobs.workers * wobble(trial), 64)
    ))  # fmt: skip
    assert "2 workers / 1 worker" in said
    assert "WIN" in said
    assert "no pair of variants" not in said


def test_a_setting_at_several_loads_has_a_line_for_each(tmp_path: Path):
    made = plan("root", variants=["async"], users=[8, 64], settings=make_knobs({"workers": [1, 2]}))
    lines = said_of(findings_of(tmp_path, made)).splitlines()
    assert [line.split()[6] for line in lines if "2 workers / 1 worker" in line] == ["8", "64"]
    assert "users" in next(line for line in lines if line.startswith("variant"))


def test_causes_are_told_but_for_a_full_core(tmp_path: Path):
    found = findings_of(
        tmp_path,
        plan("sleep", diagnose=True),
        results=lambda trial: result(2 * RATES[trial.variant] if trial.level.users > 1 else 48.0, trial.level.users),
        told=told,
    )
    causes = said_of(found).partition("Causes other than a saturated core:")[2]
    assert "sleep/sync: thread limit" in causes
    assert "sleep/blocking: loop blocked 100% at bench_app/workloads/sleep.py:65" in causes
    assert "sleep/async:" not in causes


def test_a_workload_is_listed_once_with_the_first_line_of_each_variant():
    workload = Workload("w", "?")

    @workload.variant("sync")
    def first() -> None:
        """Waits [in a thread].

        And more.
        """

    @workload.variant("async")
    async def second() -> None: ...

    lines = [line.split() for line in printed(workload_table([workload])).splitlines()]
    assert lines[1] == ["w", "sync", "sync", "Waits", "[in", "a", "thread]."]
    assert lines[2] == ["async", "async"]
