"""The rules that read the wait profile, each by itself: when its cause applies, when it does not, what it says."""

from collections.abc import Mapping
from typing import Any

import pytest

from harness.causes.bounds import Demands
from harness.causes.cause import Cause, CauseRule
from harness.causes.charge import Charge, Contrast, Harms, Occupies, Queues, Slows
from harness.causes.rules import (
    cpu,
    database_pool,
    deadlock,
    executor_limit,
    gil,
    kept_too_long,
    lock_convoy,
    loop_computing,
    outbound_connects,
    own_limit,
    slow_call,
    slow_client,
    small_pieces,
    thread_hops,
    unfair_queue,
    work_left_behind,
)
from harness.causes.symptoms import Spending
from tests.harness.causes.made_up import (
    callee,
    executor,
    holding,
    limit,
    scene,
    site_time,
    spending,
    symptoms,
    wait_site,
)

BUSY = (executor(),)
ONE = spending(pre=0.1, whole=205.0)
MANY = spending(pre=0.1, whole=850.0)


def charges(
    rule: CauseRule, spent: Spending = MANY, before: Mapping[str, Any] | None = None, **changes: Any
) -> list[Charge]:
    """What the rule charges; `before` are the changes of the symptoms with one user, `changes` of those under load."""
    alone = symptoms(ONE, **(before or {}))
    return list(rule.condition(Contrast(ONE, spent, symptoms(spent, **changes), alone)))


@pytest.mark.parametrize(
    ("rule", "kind"), [(own_limit.rule, "own"), (lock_convoy.rule, "convoy"), (kept_too_long.rule, "kept")]
)
def test_a_place_is_charged_by_the_rule_of_its_kind_alone(rule: CauseRule, kind: Any):
    (charged,) = charges(rule, limits=(limit(kind, waited_s=0.6),))
    assert isinstance(charged, Queues)
    assert (charged.seconds, charged.own, charged.limit is not None) == (0.6, 1.0, True)
    others = {"own", "convoy", "kept"} - {kind}
    assert charges(rule, limits=tuple(limit(other) for other in others)) == []  # type: ignore[arg-type]  # a literal


def test_what_a_request_waits_at_a_place_without_load_is_no_queue():
    before = {"sites": (site_time(0.1, 3, state="place"),)}
    (charged,) = charges(own_limit.rule, before=before, limits=(limit(waited_s=0.6),))
    assert isinstance(charged, Queues)
    assert charged.seconds == pytest.approx(0.5)


def test_a_pool_that_an_adapter_measures_has_a_rule_of_its_own():
    assert charges(own_limit.rule, limits=(limit(library="asyncpg"),)) == []


def test_a_pool_whose_connections_are_kept_without_use_is_not_too_small():
    spent = spending(lease_wait=600.0, leased=200.0, leases=1)
    (charged,) = charges(database_pool.rule, spent, pool_full=1.0)
    assert isinstance(charged, Queues)
    assert charges(database_pool.rule, spent, pool_full=1.0, limits=(limit("kept", library="asyncpg"),)) == []


def test_a_thing_kept_too_long_is_said_with_its_line_and_both_ways_out():
    kept = limit("kept")
    told = scene(demands=Demands(response=0.2, place=0.2, capacity=10.0), limits=(kept,))
    cause = Cause("kept too long", 1.0, limit=kept)
    assert kept_too_long.rule.sentence(cause, told) == (
        "what handler hands out at app.py:3 is kept too long: a request keeps it for 200 ms and stands at app.py:7, in "
        "handler for 95% of that"
    )
    evidence = list(kept_too_long.rule.evidence(cause, told))
    assert any("letting 20 through instead of 10 would allow" in each for each in evidence)
    predicted = kept_too_long.rule.prediction(cause, told)
    assert predicted is not None
    assert predicted.most > 2
    assert cause.site is kept.kept_at


def test_a_busy_executor_is_charged_with_its_queue_and_an_idle_one_is_not():
    (charged,) = charges(executor_limit.rule, before={"executors": (executor(queued=0.0, busy=0.1),)}, executors=BUSY)
    assert isinstance(charged, Queues)
    assert [charged.seconds, charged.own] == pytest.approx([0.9, 1.0])
    assert charges(executor_limit.rule, executors=(executor(busy=0.3),)) == []


def test_an_executor_is_said_with_its_size_and_the_other_pool_is_said_not_to_help():
    told = scene(demands=Demands(response=0.1, executor=0.1), executors=BUSY)
    cause = Cause("executor limit", 1.0)
    assert "asyncio's executor, which has 6 threads, 100% busy" in executor_limit.rule.sentence(cause, told)
    assert any("40 thread tokens" in each for each in executor_limit.rule.evidence(cause, told))
    predicted = executor_limit.rule.prediction(cause, told)
    assert predicted is not None
    assert predicted.knobs is not None


def test_threads_for_work_of_microseconds_occupy_the_core():
    spent = spending(computing=0.5, hops=3, steps=10)
    hops = tuple(callee(name, 100) for name in ("Page", "Order", "Filter"))
    (charged,) = charges(thread_hops.rule, spent, loop_cpu=0.6, others_cpu=0.35, callees=hops)
    assert isinstance(charged, Occupies)
    assert charged.share > 0.7
    told = scene(spent=spent, callees=hops)
    assert thread_hops.rule.sentence(Cause("thread hops", 1.0), told).startswith("each request goes through a thread 3")


@pytest.mark.parametrize("name", ["_run_sync_endpoint", "ModelField.validate", "sync"])
def test_the_thread_of_a_def_handler_and_of_its_model_is_no_needless_one(name: str):
    spent = spending(computing=0.5, hops=1, steps=4)
    assert charges(thread_hops.rule, spent, loop_cpu=0.6, others_cpu=0.35, callees=(callee(name, 100),)) == []


def test_a_thread_that_waits_for_milliseconds_is_no_needless_one():
    spent = spending(computing=0.5, hops=1, steps=4)
    slow = (callee("load_user", 100, served_us=5_000),)
    assert charges(thread_hops.rule, spent, loop_cpu=0.6, others_cpu=0.35, callees=slow) == []


def test_an_answer_in_many_small_pieces_occupies_the_loop_and_is_no_long_computation():
    spent = spending(computing=0.9, pieces=500, piece_bytes=64)
    holdings = (holding(waits=0.0, long_computes=0.9),)
    (charged,) = charges(small_pieces.rule, spent, loop_cpu=0.95, holdings=holdings)
    assert isinstance(charged, Occupies)
    assert charges(loop_computing.rule, spent, loop_cpu=0.95, holdings=holdings) == []


@pytest.mark.parametrize("parts", [{"pieces": 10, "piece_bytes": 64}, {"pieces": 500, "piece_bytes": 65_536}])
def test_few_pieces_or_large_ones_are_none_too_small(parts: dict[str, float]):
    assert charges(small_pieces.rule, spending(computing=0.9, **parts), loop_cpu=0.95) == []


def test_work_that_piles_up_is_not_sustainable_and_the_rate_that_is_is_said():
    (charged,) = charges(work_left_behind.rule, left_behind=(100, 500))
    assert charged == Harms(foremost=True)
    told = scene(left_behind=(100, 500))
    assert work_left_behind.rule.sentence(Cause("work left behind", None), told) == (
        "not sustainable: 1,000 requests a second are answered, but the work that they leave behind is done for 600 a "
        "second"
    )


@pytest.mark.parametrize("left", [(500, 500), (0, 10), (100, 120)])
def test_work_that_is_done_in_time_is_no_fault(left: tuple[int, int]):
    assert charges(work_left_behind.rule, left_behind=left) == []


def test_a_queue_in_which_newcomers_overtake_is_unfair():
    assert charges(unfair_queue.rule, spending(lease_wait=50.0, overtaken=0.4)) == [Harms()]
    assert charges(unfair_queue.rule, spending(lease_wait=50.0, overtaken=0.1)) == []
    assert charges(unfair_queue.rule, spending(lease_wait=1.0, overtaken=0.4)) == []


def test_calls_that_connect_anew_are_told():
    assert charges(outbound_connects.rule, spending(calling=20.0, calls=1, connects_anew=0.7)) == [Harms()]
    assert charges(outbound_connects.rule, spending(calling=20.0, calls=1, connects_anew=0.05)) == []


def test_a_line_that_waits_longer_is_a_slow_call_less_what_adapters_measured():
    before, now = {"sites": (site_time(0.02),)}, (site_time(0.42),)
    (charged,) = charges(slow_call.rule, before=before, sites=now)
    assert isinstance(charged, Slows)
    assert charged.seconds == pytest.approx(0.4)
    assert charged.site == wait_site()
    assert charges(slow_call.rule, spending(calling=420.0), before=before, sites=now) == []


def test_a_line_that_takes_hardly_longer_or_is_rarely_reached_is_no_slow_call():
    before = {"sites": (site_time(0.02),)}
    assert charges(slow_call.rule, before=before, sites=(site_time(0.022),)) == []
    assert charges(slow_call.rule, before=before, sites=(site_time(0.04),), throughput_rps=5.0) == []


def test_threads_that_compute_wait_for_nothing():
    spent = spending(served=400.0, hop_computing=390.0, hops=1)
    assert charges(slow_call.rule, spent, sites=(site_time(0.4, state="thread", pool="thread tokens"),)) == []


def test_an_answer_that_the_client_does_not_read_waits_in_the_kernel():
    drain = site_time(0.3, own=False, call="flow_control.py:FlowControl.drain")
    assert charges(slow_client.rule, sites=(drain,)) == [Slows(0.3)]


def test_a_deadlock_has_two_sides_and_a_number_of_users_at_which_it_begins():
    stuck = limit(stuck=1.0)
    told = scene(idle_s=3.0, limits=(stuck,), standing=(site_time(40.0, 3, state="place", pool="thread tokens"),))
    assert deadlock.rule.standstill(told.loaded)
    cause = Cause("deadlock", 1.0, limit=stuck)
    assert deadlock.rule.sentence(cause, told) == (
        "deadlock: nothing was answered for 3 s: 40 requests wait at app.py:3, in handler, for what 10 others hold, "
        "and those wait for a thread"
    )


def test_a_silence_in_which_the_holders_do_not_wait_is_no_deadlock():
    assert not deadlock.rule.standstill(symptoms(None, idle_s=3.0, limits=(limit(),)))
    assert not deadlock.rule.standstill(symptoms(None, idle_s=0.5, limits=(limit(stuck=1.0),)))


def test_a_loop_in_the_run_queue_waits_for_the_core_and_one_that_sleeps_for_the_gil():
    """The run queue tells them apart on one core: 77 % of the time for work that releases the GIL, else 8 to 10 %."""
    computing: dict[str, Any] = {"loop_cpu": 0.02, "others_cpu": 0.95, "lag_s": 0.1}
    assert charges(gil.rule, run_delay=0.09, **computing) != []
    assert charges(gil.rule, run_delay=0.77, **computing) == []
    assert charges(cpu.rule, run_delay=0.77, **computing) != []


def test_a_python_without_a_gil_has_no_threads_that_hold_it():
    assert charges(gil.rule, loop_cpu=0.02, others_cpu=0.95, lag_s=0.1, run_delay=0.05, gil=False) == []
