"""Windows from a pilot, by declared results: no clock, no socket."""

from dataclasses import replace

import pytest

from harness.measure.pilot import Observed, response_s, tune
from harness.plan.level import Level
from harness.plan.plan import Plan, Window
from harness.plan.schedule import Schedule
from tests.rehearsal import plan, result

LEVEL = Level(64)


def piloted(budget_s: float = 10_000.0, longest_s: float = 60.0) -> Plan:
    made = plan("sleep", variants=["sync", "blocking"], seconds=None)
    return replace(made, budget_s=budget_s, longest_s=longest_s)


def seen(sync_rps: float, blocking_rps: float) -> Observed:
    return {("sleep", LEVEL): [result(sync_rps, window_s=0.25), result(blocking_rps, window_s=0.25)]}


def test_the_slowest_variant_sets_warm_up_and_window_for_all_of_its_workload():
    # 64 users at 160 requests a second: a response takes 0.4 s, and 1,000 requests 6.25 s.
    window = tune(Schedule(piloted()), seen(2_000.0, 160.0)).window_of("sleep", LEVEL)
    assert window.warmup_s == pytest.approx(0.8)
    assert window.window_s == pytest.approx(6.2)


def test_five_responses_are_the_window_where_they_last_longer_than_1000_requests():
    made = replace(piloted(), levels=(Level(512),))
    at_512 = {("sleep", Level(512)): [result(2_000.0, 512, window_s=0.25)]}
    assert tune(Schedule(made), at_512).window_of("sleep", Level(512)).window_s == pytest.approx(
        5 * 512 / 2_000, abs=0.1
    )


def test_fast_variants_keep_the_windows_of_the_profile():
    made = piloted()
    assert tune(Schedule(made), seen(3_000.0, 2_500.0)).window_of("sleep", LEVEL) == Window(
        made.warmup_s, made.window_s
    )


def test_a_window_is_never_longer_than_the_profile_allows():
    window = tune(Schedule(piloted(longest_s=2.0)), seen(2_000.0, 50.0)).window_of("sleep", LEVEL)
    assert (window.warmup_s, window.window_s) == (2.0, 2.0)


def test_a_variant_that_answered_nothing_gets_the_longest_windows():
    window = tune(Schedule(piloted(longest_s=4.0)), seen(2_000.0, 0.0)).window_of("sleep", LEVEL)
    assert (window.warmup_s, window.window_s) == (4.0, 4.0)


def test_the_session_stays_within_its_budget():
    made = Schedule(piloted(budget_s=60.0))
    tuned = tune(made, seen(2_000.0, 50.0))
    assert made.expected_s(made.plan.most_blocks) < tuned.expected_s(made.plan.most_blocks) <= 60.0
    broke = piloted(budget_s=1.0)
    assert tune(Schedule(broke), seen(2_000.0, 50.0)).window_of("sleep", LEVEL) == Window(
        broke.warmup_s, broke.window_s
    )


def test_the_response_time_is_what_littles_law_says_and_not_what_a_short_window_sees():
    short = replace(result(50.0, window_s=0.25), latency=result(500.0, window_s=0.1).latency)
    assert response_s(LEVEL, short) == pytest.approx(64 * 0.25 / 12)
    assert response_s(LEVEL, result(0.0)) is None
    assert response_s(Level(64, think_s=1.0), result(32.0)) == pytest.approx(2.0)
