"""The figures of a server in one trial, from what its probe and its client recorded."""

from typing import Any

import pytest

from bench_probe.telemetry import BEAT_S
from harness.causes.symptoms import Symptoms, lag_s, stalls_of, symptoms_of, waiting_share
from harness.plan.level import Level
from harness.plan.plan import Trial
from harness.record.run import RecordedTrial
from harness.record.telemetry import Accounts, Readings, Site, Telemetry
from scenarios.wire.histogram import Distribution
from scenarios.wire.protocol import ProcessUsage, Slice
from tests.harness.causes.made_up import MS, ROUTE, symptoms
from tests.rehearsal import accounts, result, telemetry

NS_A_MS = 1_000_000


def recorded(told: Telemetry | None, **changes: Any) -> RecordedTrial:
    return RecordedTrial(Trial(1, 0, "a", "sync", Level(64)), result(1_000.0, **changes), None, told)


def shown(told: Telemetry, **changes: Any) -> Symptoms:
    found = symptoms_of(recorded(told, **changes), ROUTE)
    assert found is not None
    return found


def readings(**columns: list[Any]) -> Readings:
    return Readings(7, "measure", "uvloop.Loop", columns)


def site(line: int, samples: int, call: str = "app.py:handler") -> Site:
    return Site(ROUTE, "app.py", line, "handler", "time.sleep(1)", call, False, samples)


def test_without_telemetry_of_its_window_a_trial_has_no_symptoms():
    assert symptoms_of(recorded(None), ROUTE) is None
    before = telemetry()
    cut = tuple(Readings(7, "measure", "", process.within(-(10**9), 0)) for process in before.processes)
    assert symptoms_of(recorded(Telemetry(cut)), ROUTE) is None


def test_the_loops_thread_and_the_other_threads_have_each_their_share_of_a_core():
    found = shown(telemetry())
    assert (found.loop_cpu, found.others_cpu) == pytest.approx((0.5, 0.1))
    assert found.process_cpu == pytest.approx(0.6)


def test_a_process_that_seems_to_have_computed_less_than_its_loop_has_no_negative_share():
    calm = telemetry()
    frozen = telemetry(process_cpu_ns=[0] * len(calm.processes[0].times_ns))
    assert shown(frozen).others_cpu == 0.0


def test_the_mean_request_spends_what_the_account_holds_over_its_requests():
    kept = accounts(ROUTE, requests=10, stamped=5, pre=5 * NS_A_MS, inside=200 * NS_A_MS, hops=10, served=150 * NS_A_MS)
    spent = shown(telemetry(accounts=kept)).spending
    assert spent is not None
    # Only half of the requests said when they were sent.
    assert (spent.pre, spent.whole, spent.served) == pytest.approx((1 * MS, 21 * MS, 15 * MS))
    assert (spent.requests, spent.hops) == (10, 1.0)


@pytest.mark.parametrize("kept", [None, accounts(ROUTE), accounts("/another/route", requests=3)])
def test_a_route_that_answered_nothing_spends_nothing_that_is_known(kept: Accounts | None):
    assert shown(telemetry(accounts=kept)).spending is None


def test_who_holds_the_loop_is_listed_with_its_line_and_the_longest_comes_first():
    kept = accounts(ROUTE, sites=(site(3, 20, "a.py:f"), site(7, 40), site(3, 30, "b.py:g")), requests=1,
                    stepping=300 * NS_A_MS, computing=100 * NS_A_MS, long_stepping=200 * NS_A_MS)  # fmt: skip
    kept.routes["/longer/one"] = dict.fromkeys(kept.routes[ROUTE], 0) | {"stepping": 600 * NS_A_MS}
    kept.routes["/idle/one"] = dict.fromkeys(kept.routes[ROUTE], 0)
    longer, own = shown(telemetry(accounts=kept)).holdings
    assert (longer.route, longer.site, longer.certainty) == ("/longer/one", None, 0.0)
    assert (own.holds, own.waits, own.long) == pytest.approx((0.3, 0.2, 0.2))
    # Fifty samples show line 3 and forty line 7, whatever was called from there; a hundred found the loop busy.
    assert own.site is not None
    assert own.site.line == 3
    assert own.certainty == pytest.approx(0.9)


def test_a_route_that_others_keep_from_the_core_does_not_wait_by_itself():
    kept = accounts(ROUTE, requests=1, stepping=400 * NS_A_MS, computing=300 * NS_A_MS)
    usage = {"server": ProcessUsage(0.3, 0.0, run_delay_s=0.5)}
    (withheld,) = shown(telemetry(accounts=kept), processes=usage).holdings
    assert withheld.waits == 0.0
    (free,) = shown(telemetry(accounts=kept)).holdings
    assert free.waits == pytest.approx(0.1)


def test_tokens_are_full_only_where_somebody_waits_for_one():
    assert shown(telemetry(borrowed=40, waiting=0)).tokens_full == 0.0
    assert shown(telemetry(borrowed=40, waiting=3)).tokens_full == 1.0


def test_a_server_without_a_pool_never_has_a_full_one():
    assert (shown(telemetry()).pool_size, shown(telemetry()).pool_full) == (None, 0.0)
    assert shown(telemetry(pool_size=10, pool_in_use=10)).pool_full == 1.0


def test_what_was_not_watched_is_unknown_and_not_zero():
    found = shown(telemetry())
    assert (found.database_cpu, found.upstream_cpu, found.run_delay) == (None, None, None)
    busy = shown(telemetry(window_s=2.0), window_s=2.0, cpu_s={"server": 1.0, "load": 0.1, "database": 0.5})
    assert busy.database_cpu == pytest.approx(0.25)


def test_the_longest_time_without_an_answer_is_that_of_slices_in_a_row():
    slices = tuple(Slice(completed, 0, Distribution()) for completed in (5, 0, 0, 5, 0, 0, 0, 5, 0, 5, 0, 0, 0, 0))
    # The last four slices are those of the drain.
    assert shown(telemetry(), slices=slices, slice_s=0.1).idle_s == pytest.approx(0.3)


def test_a_token_is_kept_as_long_as_littles_law_says():
    spent = shown(telemetry(accounts=accounts(ROUTE, requests=10, hops=20))).spending
    assert symptoms(spent, borrowed=40.0, throughput_rps=1_000.0).token_s == pytest.approx(0.02)
    assert symptoms(spent, throughput_rps=0.0).token_s is None
    assert symptoms(None).token_s is None


def test_a_random_arrival_waits_for_half_of_the_stall_that_it_meets():
    """One stall of 0.2 s in a second: it is met with probability 0.2, and then lasts another 0.1 s."""
    window = {"t_ns": [0, 10**9], "late_sq_us2": [0, 200_000**2], "overdue_us": [0, 0]}
    assert lag_s(window) == pytest.approx(0.02)


def test_a_stall_that_still_lasts_counts_and_one_before_the_window_does_not():
    window = {"t_ns": [0, 10**9], "late_sq_us2": [900_000**2, 0], "overdue_us": [0, 200_000]}
    assert lag_s(window) == pytest.approx(0.02)


def test_a_stall_began_before_the_beat_that_it_delayed():
    process = readings(t_ns=[-5, 5, 10], stalls_us=[[90_000], [6_000, 8_000], []], overdue_us=[0, 0, 0])
    assert stalls_of(process, 10) == pytest.approx((0.006 + BEAT_S / 2, 0.008 + BEAT_S / 2))


@pytest.mark.parametrize(("overdue_us", "stalls"), [(9_000, 0), (300_000, 1)])
def test_the_last_stall_may_still_last_when_the_window_closes(overdue_us: int, stalls: int):
    process = readings(t_ns=[0, 10], stalls_us=[[], []], overdue_us=[0, overdue_us])
    assert len(stalls_of(process, 10)) == stalls


def test_a_process_without_readings_had_no_stalls_that_are_known():
    assert stalls_of(readings(t_ns=[], stalls_us=[], overdue_us=[]), 10) == ()


def test_the_share_that_waits_follows_from_the_stalls():
    """One stall of 0.2 s a second: of those who come, 5 % wait longer than 0.15 s."""
    assert waiting_share([0.2], 1.0, 0.15) == pytest.approx(0.05)
    assert waiting_share([], 1.0, 0.0) == 0.0
