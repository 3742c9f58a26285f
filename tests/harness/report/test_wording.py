"""How figures are spelled: small ones, impossible ones and missing ones too."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.causes.cause import Cause, Prediction
from harness.causes.diagnosis import Diagnosis
from harness.judge.findings import Findings, JudgedCell, JudgedConfirmation
from harness.judge.inquiry import Inquiry
from harness.machine.machine import Machine
from harness.plan.knobs import Knobs, make_knobs
from harness.plan.level import Level
from harness.plan.plan import Window
from harness.plan.schedule import Confirmation, Stop, Tuned
from harness.record.disturbance import DisturbedBlock, Signal, Unrest
from harness.record.validation import Validation
from harness.report import wording
from harness.stats.estimate import Estimate
from scenarios.wire.histogram import Distribution
from scenarios.wire.victim import Victim
from tests.harness.causes.made_up import DEMANDS, LEVEL, holding, scene
from tests.harness.judged import cell, comparison, findings_of
from tests.rehearsal import STARTED, distribution, plan, result, schedule

MACHINE = Machine("a processor", 2, "CPython 3")


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    return findings_of(tmp_path_factory.mktemp("reports"))


@pytest.fixture(scope="module")
def sync(findings: Findings) -> JudgedCell:
    return cell(findings, "sync")


@pytest.mark.parametrize(
    ("seconds", "spelled"),
    [
        (0, "0 s"),
        (45, "45 s"),
        (59.6, "1 min"),
        (180, "3 min"),
        (190, "3 min 10 s"),
        (599.6, "10 min"),
        (3_900, "1 h 5 min"),
        (5_399, "1 h 30 min"),
        (7_500, "2 h 5 min"),
    ],
)
def test_a_length_of_time_is_spelled_without_a_sixtieth_second_or_minute(seconds: float, spelled: str):
    assert wording.minutes(seconds) == spelled


def test_a_latency_that_is_missing_rests_on_too_little_or_is_only_a_lower_bound_says_so(sync: JudgedCell):
    assert wording.latency(sync.cell, 99) == "64.6"
    assert wording.latency(replace(sync.cell, explained_users=10.0), 99) == "≥ 64.6"
    assert wording.latency(replace(sync.cell, latency=distribution([5_000] * 20)), 99) == "too few"
    assert wording.latency(replace(sync.cell, latency=Distribution()), 99) == "n/a"


def test_what_a_bystander_felt_has_decimals_only_where_they_mean_something(sync: JudgedCell):
    def felt(*latencies_us: int, censored_us: tuple[int, ...] = ()) -> str:
        victim = Victim(distribution(latencies_us), censored=distribution(censored_us))
        return wording.felt(replace(sync.cell, victims={"async_warm": victim}), "async_warm")

    assert felt(800) == "0.8"
    assert felt(1_234_400) == "1,234"
    assert felt(9_000, censored_us=(9_000,)) == "≥ 9.0"
    assert felt() == "n/a"
    assert wording.felt(replace(sync.cell, victims={}), "sync_cold") == "n/a"


def test_a_comparison_is_one_sentence_with_its_interval_its_level_and_what_others_felt(findings: Findings):
    said = wording.sentence(comparison(findings, "async"))
    assert said.startswith("async served 1.50× the requests a second of sync (95 % interval 1.")
    assert "5 blocks; 64 users, closed loop). p99 43.1 ms against 64.6 ms" in said
    assert said.endswith("a bystander's p99 0.8 ms against 0.8 ms.")


def test_a_figure_that_is_missing_from_a_sentence_has_no_unit(tmp_path: Path):
    silent = result(0.0, failures={"refused": 3}, victims={})
    said = wording.sentence(comparison(findings_of(tmp_path, spoilt={"async": silent}), "async"))
    assert "async and sync have no ratio (95 % interval n/a; 5 blocks" in said
    assert "p99 n/a against 64.6 ms; a bystander's p99 n/a against 0.8 ms." in said


def test_the_headline_is_the_figure_that_the_verdict_is_about(sync: JudgedCell):
    assert wording.headline_figure(sync.cell) == "998 req/s"
    assert wording.headline_figure(replace(sync.cell, throughput_rps=None)) == "n/a"
    in_open_loop = replace(sync.cell, level=Level(64, "open", 1_000.0))
    assert wording.headline_figure(in_open_loop) == "64.6 ms"


def test_a_block_that_confirms_is_counted_by_itself():
    made = plan("sleep", blocks=5)
    assert [wording.block_name(number, made) for number in (0, 4, 5, 9)] == [
        "block 1 of 5",
        "block 5 of 5",
        "confirming block 1 of 5",
        "confirming block 5 of 5",
    ]


def test_a_rejected_block_is_named_with_what_disturbed_it():
    signals = (Signal("steal", 0.2), Signal("throttling", 3.0))
    blocks = [DisturbedBlock("sleep", LEVEL, 2, signals, rejected=True)]
    assert wording.rejections(blocks, plan("sleep")) == [
        "sleep, 64 users, closed loop, block 3 of 5: a hypervisor took 20% of a core, stopped 3 times by its CPU quota"
    ]
    assert wording.rejections([], plan("sleep")) == []


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (Unrest("steal", 0.0, 0.2, 1), "a hypervisor took up to 20% of a core (more than 1% in 1 trial)"),
        (Unrest("core speed", -0.1, 0.5, 3), "took 10% less to 50% more time than the median (beyond ±5% in 3 trials)"),
        (Unrest("throttling", 1.0, 3.0, 2), "a CPU quota stopped the processes in 2 trials"),
        (Unrest("foreign CPU", 0.0, 0.3, 2), "used up to 30% of the server's core (above 5% in 2 trials)"),
    ],
    ids=lambda found: found.name if isinstance(found, Unrest) else "",
)
def test_each_kind_of_disturbance_is_said_with_its_strength_and_its_trials(found: Unrest, said: str):
    assert wording.unrest(found).endswith(said)


def test_the_levels_of_a_plan_are_one_phrase():
    poisson = plan("sleep", rate=[200, 500], arrivals="poisson")
    varied = plan("sleep", settings=make_knobs({"workers": [1, 2]}))
    assert wording.levels(plan("sleep", users=[1])) == "1 user, closed loop"
    assert wording.levels(plan("sleep", users=[1, 8, 64])) == "1, 8 and 64 users, closed loop"
    assert wording.levels(poisson) == "200 and 500 req/s, open loop, Poisson arrivals"
    assert wording.levels(varied) == "64 users, closed loop; server with the usual setting or 2 workers"


def test_a_condition_says_only_what_differs_between_the_levels():
    threads = make_knobs({"threads": [40, 80]})
    for made, heading, second in [
        (plan("sleep", users=[8, 64]), "users", "64"),
        (plan("sleep", settings=threads), "server", "80 threads"),
        (plan("sleep", users=[8, 64], settings=threads), "users, server", "64, 40 threads"),
        (plan("sleep", rate=[200, 500]), "req/s offered", "500"),
    ]:
        assert (wording.condition_heading(made), wording.condition(made.levels[1], made)) == (heading, second)


def test_two_settings_are_compared_knob_by_knob(tmp_path: Path):
    both = (Knobs(), Knobs(workers=2, loop="asyncio"))
    found = findings_of(tmp_path, plan("root", variants=["async"], settings=both))
    assert wording.setting(found.settings[0]) == "2 workers, asyncio loop / 1 worker, uvloop loop"


def test_a_session_that_may_stop_early_is_expected_within_a_range():
    fixed, open_ended = schedule("sleep", blocks=5), schedule("sleep", blocks=5, max_blocks=50)
    assert wording.expectation(fixed) == f"About {wording.minutes(fixed.expected_s())}."
    assert " to " in wording.expectation(open_ended)
    assert wording.expectation(open_ended).endswith(", until the intervals are narrow.")


def test_the_smallest_difference_is_said_where_a_selfcheck_measured_it():
    checked = Validation((), waiting=0.01, busy=0.02, measured=STARTED, machine=MACHINE)
    said = wording.smallest_difference(checked, plan("sleep", blocks=10))
    assert said.startswith("With 10 blocks this machine shows differences from 1% where handlers wait, and from 2%")
    assert wording.smallest_difference(checked, plan("sleep", blocks=1)) == ""
    assert wording.smallest_difference(None, plan("sleep")) == ""
    assert [line.split()[2] for line in wording.smallest_differences(checked)] == ["that"] * 3


def test_windows_that_a_pilot_lengthened_come_before_the_usual_ones():
    made = schedule("sleep", "root", seconds=1.0, warmup=0.3)
    longer = made.knowing(tuned=(Tuned("sleep", LEVEL, Window(1.0, 4.0)),))
    assert wording.windows(made) == "Windows of 1 s after 0.3 s of warm-up."
    assert wording.windows(longer) == "sleep 4 s after 1 s; else windows of 1 s after 0.3 s of warm-up."


def test_the_number_of_blocks_is_a_range_where_a_workload_stopped_early():
    made = schedule("sleep", "root", blocks=6, max_blocks=10)
    stops = (Stop("sleep", LEVEL, 6), Stop("root", LEVEL, 8))
    assert wording.blocks_of(made) == "10 blocks"
    assert wording.blocks_of(made.knowing(stops=stops[:1])) == "6 to 10 blocks"
    assert wording.blocks_of(made.knowing(stops=stops)) == "6 to 8 blocks"
    assert wording.blocks_of(schedule("sleep", blocks=1)) == "1 block"


def test_a_delay_that_hardly_shows_is_not_given_in_figures():
    assert wording.slower(Diagnosis(queueing_s=0.001, unloaded_s=0.02)) == "as fast as unloaded, but:"
    assert wording.slower(Diagnosis(queueing_s=0.3, unloaded_s=0.02)) == "300 ms of queueing delay on 20.0 ms unloaded:"


def test_a_cause_is_said_with_its_share_and_its_line_as_far_as_it_has_them():
    assert wording.cause(Cause("CPU", 0.73)) == "CPU 73%"
    assert wording.cause(Cause("loop blocked", None, holding())) == "loop blocked at app.py:7"
    assert wording.cause(Cause("loop blocked", 1.0, holding(site=None))) == "loop blocked 100%"


def test_a_cell_without_a_fault_says_what_sets_its_rate(sync: JudgedCell):
    calm = replace(sync, inquiry=Inquiry(Diagnosis(unloaded_s=0.02)))
    full = replace(calm, cell=replace(sync.cell, server_cpu=0.95, throughput_rps=Estimate(1_000.0, None, None, 1)))
    assert (
        wording.unexplained(calm)
        == "no fault: a request takes at most 1.0 ms or 25% longer than with one user (20.0 ms)."
    )
    assert "(20.0 ms); the server's core is full: 950 µs of CPU a request." in wording.unexplained(full)


def test_a_delay_that_no_rule_explains_is_not_called_faultless(sync: JudgedCell):
    slow = replace(sync, inquiry=Inquiry(Diagnosis(queueing_s=0.315, unloaded_s=0.005)))
    assert wording.unexplained(slow) == (
        "cause unknown: a request takes 315 ms longer than the 5.0 ms with one user, and no rule explains it."
    )


def test_a_server_that_answers_nothing_is_said_to_stand_still(sync: JudgedCell):
    stuck = replace(sync, inquiry=Inquiry(Diagnosis((Cause("deadlock", 1.0),), queueing_s=2.0)))
    assert wording.unexplained(stuck) == "no answer for 2,000 ms: deadlock 100%."


def test_a_prediction_is_a_range_only_where_its_ends_are_spelled_differently():
    range_, point = Prediction("workers 1 → 2", 1.6, 2.0), Prediction("workers 1 → 2", 1.999, 2.0)
    said = "By the bounds, workers 1 → 2 would allow"
    assert wording.predicted(range_) == f"{said} 1.60× to 2.00× the requests a second."
    assert wording.predicted(point) == f"{said} 2.00× the requests a second."


def test_a_change_that_raises_no_bound_is_said_to_bring_nothing():
    said = wording.predicted(Prediction("workers 1 → 2 on 1 core", 1.0, 1.0))
    assert said == "By the bounds, workers 1 → 2 on 1 core would bring nothing here (1.00×)."


@pytest.mark.parametrize(
    ("ratio", "holds", "said"),
    [
        (Estimate(1.5, 1.4, 1.6, 5), True, "measured 1.50× (1.40 to 1.60×, n = 5): as predicted"),
        (Estimate(1.0, 0.9, 1.1, 5), False, "measured 1.00× (0.90 to 1.10×, n = 5): not as predicted"),
        (None, None, "measured n/a (n/a, n = 0): undecided"),
    ],
)
def test_a_prediction_stands_beside_what_was_measured(ratio: Estimate | None, holds: bool | None, said: str):
    tried = Confirmation("sleep", "sync", LEVEL, Knobs(threads=80), "thread tokens 40 → 80", 1.4, 1.6)
    assert wording.confirmation(JudgedConfirmation(tried, ratio, holds)) == (
        f"thread tokens 40 → 80: predicted 1.40× to 1.60×, {said}"
    )


def test_the_saturation_point_is_said_where_threads_limit_and_denied_where_they_do_not(sync: JudgedCell):
    limited = replace(sync, inquiry=Inquiry(Diagnosis(), scene()))
    never = replace(sync, inquiry=Inquiry(Diagnosis(), scene(replace(DEMANDS, processor=0.001))))
    assert wording.saturation([limited]) == (
        "Unless the CPU is the limit, async def overtakes the 40 threads from about 40 users on: threads × (response + "
        "think time) / time that a request keeps its thread."
    )
    assert wording.saturation([never]).startswith(
        "The server's core fills before the 40 threads do: with one user a request keeps a thread for 20.0 ms"
    )
    assert wording.saturation([sync]) == wording.saturation([]) == ""


def test_levels_of_a_search_are_users_or_waits():
    assert (wording.level_of("users", 1), wording.level_of("users", 1_024)) == ("1 user", "1,024 users")
    assert wording.level_of("wait_ms", 8.4) == "8.4 ms"
    assert wording.between("users", 1, 1_024) == "1 to 1,024 users"
    assert wording.between("wait_ms", 5, 20) == "waits of 5 to 20 ms"
    assert (wording.closed_loop(None), wording.closed_loop(1)) == ("closed loop", "1 user, closed loop")


def test_the_metric_of_an_open_loop_says_that_less_is_better():
    assert wording.metric(plan("sleep")) == "requests a second"
    assert wording.metric(plan("sleep", rate=[200])) == "p99 latency at an equal rate, less is better"
    assert wording.METRICS["p99_ms"] == "p99"
    assert wording.percentile(Distribution(), 99) == "n/a"


def test_a_pause_between_requests_is_part_of_the_load_at_several_levels():
    assert (
        wording.levels(plan("root", users=[8, 64], think_ms=5.0)) == "8 and 64 users with 5 ms think time, closed loop"
    )


def test_a_core_that_never_was_faster_is_not_said_to_be_less_than_nothing_faster():
    assert "took 0% less to 50% more time" in wording.unrest(Unrest("core speed", -0.0, 0.5, 2))


def test_a_delay_that_the_trial_cut_short_is_a_lower_bound():
    cut = Diagnosis(queueing_s=0.365, unloaded_s=0.02, at_least=True)
    assert wording.slower(cut) == "at least 365 ms of queueing delay on 20.0 ms unloaded:"
    assert wording.slower(replace(cut, at_least=False)).startswith("365 ms")
