"""Each rule by itself: when its cause applies, when it does not, and the place or figure that its sentence names."""

from collections.abc import Sequence
from typing import Any

import pytest

from harness.causes.bounds import Demands
from harness.causes.cause import Cause, CauseRule, Scene
from harness.causes.charge import Charge, Contrast, FillsCore, Occupies, Queues, Slows
from harness.causes.rules import (
    cpu,
    database,
    database_pool,
    deadlock,
    garbage_collection,
    gil,
    loop_blocked,
    loop_computing,
    outbound_limit,
    serialisation,
    thread_limit,
    upstream,
)
from harness.causes.symptoms import Holding, Spending
from tests.harness.causes.made_up import MS, ROUTE, holding, place, scene, spending, symptoms

NOTHING = spending()
COMPUTING = holding(waits=0.0, long_computes=0.9)
SERIALISING = holding(waits=0.0, long_computes=0.9, site=place(serialising=True))


def charges(rule: CauseRule, before: Spending = NOTHING, after: Spending = NOTHING, **changes: Any) -> list[Charge]:
    """What the rule charges for a request of these two spendings; `changes` are those of the symptoms under load."""
    return list(rule.condition(Contrast(before, after, symptoms(after, **changes))))


def queue(charged: Sequence[Charge]) -> Queues:
    (only,) = charged
    assert isinstance(only, Queues)
    return only


def slowness(charged: Sequence[Charge]) -> Slows:
    (only,) = charged
    assert isinstance(only, Slows)
    return only


def occupied(charged: Sequence[Charge]) -> Occupies:
    (only,) = charged
    assert isinstance(only, Occupies)
    return only


def sentence(rule: CauseRule, told: Scene, held: Holding | None = None) -> str:
    return rule.sentence(Cause(rule.name, 0.8, held), told)


def test_a_busy_core_is_charged_whoever_computes_on_it():
    assert charges(cpu.rule, loop_cpu=0.5, others_cpu=0.31) == [FillsCore()]


def test_a_core_with_time_left_is_no_cause():
    assert charges(cpu.rule, loop_cpu=0.5, others_cpu=0.29) == []


def test_a_busy_core_is_said_with_the_cpu_of_a_request():
    assert "each costs 1,250 µs of CPU" in sentence(cpu.rule, scene(Demands(0.02, processor=0.00125)))


@pytest.mark.parametrize(("cores", "change"), [(1, "workers 1 → 2 on 1 core"), (2, "workers 1 → 2 on 2 cores")])
def test_more_workers_are_promised_on_the_cores_that_there_are(cores: int, change: str):
    predicted = cpu.rule.prediction(Cause("CPU", 1.0), scene(cores=cores))
    assert predicted is not None
    assert predicted.change == change


def test_a_database_is_charged_with_what_statements_and_new_connections_take_longer():
    charged = slowness(charges(database.rule, spending(leased=2.0), spending(leased=20.0, connecting=4.0)))
    assert (charged.seconds, charged.own) == pytest.approx((22 * MS, 1.0))


def test_a_database_that_is_rarely_asked_twice_at_a_time_did_not_become_slow_by_load():
    charged = slowness(charges(database.rule, spending(leased=2.0), spending(leased=20.0), throughput_rps=20.0))
    assert charged.own == 0.0


def test_a_database_that_answers_sooner_under_load_is_charged_with_nothing():
    assert slowness(charges(database.rule, spending(leased=20.0), spending(leased=2.0))).seconds == 0.0


def test_a_slow_database_is_said_with_its_time_under_load_and_without():
    told = scene(alone=symptoms(spending(leased=2.0)), spent=spending(leased=20.0, connecting=4.0))
    assert "a request spends 24.0 ms in it, 2.0 ms unloaded" in sentence(database.rule, told)


def test_a_database_whose_cpu_is_unknown_has_no_evidence_of_it():
    cause = Cause("database", 1.0)
    assert list(database.rule.evidence(cause, scene(database_cpu=0.5))) == ["the database used 50% of a core"]
    assert list(database.rule.evidence(cause, scene(database_cpu=None))) == []


def test_a_full_pool_has_the_queue_as_far_as_connections_are_kept_no_longer():
    before, after = spending(leased=2.0), spending(leased=20.0, lease_wait=18.0)
    charged = queue(charges(database_pool.rule, before, after, pool_full=1.0))
    assert (charged.seconds, charged.own) == pytest.approx((18 * MS, 0.1))


def test_a_pool_that_is_seldom_full_is_not_the_limit():
    assert queue(charges(database_pool.rule, NOTHING, spending(lease_wait=18.0), pool_full=0.04)).own == 0.0


def test_a_full_pool_is_said_with_its_size_and_how_often_it_was_full():
    said = sentence(database_pool.rule, scene(pool_size=7, pool_full=0.95))
    assert "all 7 connections were in use in 95% of the readings" in said


def test_nothing_answered_with_all_threads_and_connections_taken_is_a_deadlock():
    assert deadlock.rule.standstill(symptoms(None, idle_s=2.1, tokens_full=1.0, pool_full=0.9))


@pytest.mark.parametrize(
    "changes",
    [
        {"idle_s": 2.0, "tokens_full": 1.0, "pool_full": 1.0},
        {"idle_s": 30.0, "tokens_full": 1.0, "pool_full": 0.8},
        {"idle_s": 30.0, "tokens_full": 0.8, "pool_full": 1.0},
    ],
    ids=["answers", "connections left", "threads left"],
)
def test_a_server_that_answers_or_has_something_left_is_in_no_deadlock(changes: dict[str, float]):
    assert not deadlock.rule.standstill(symptoms(None, **changes))


def test_a_deadlock_is_said_with_how_long_nothing_was_answered():
    assert sentence(deadlock.rule, scene(idle_s=3.0)).startswith("deadlock: nothing was answered for 3 s")


def test_collections_occupy_the_loop_for_their_share_of_the_time():
    assert occupied(charges(garbage_collection.rule, collecting=0.3)).share == 0.3


def test_collections_of_a_few_percent_are_no_cause():
    assert occupied(charges(garbage_collection.rule, collecting=0.04)).share == 0.0


def test_collections_are_said_with_their_share_of_the_time():
    assert "stops the server for 30% of the time" in sentence(garbage_collection.rule, scene(collecting=0.3))


def test_threads_that_fill_a_core_keep_the_gil_from_a_loop_that_is_late():
    charged = occupied(charges(gil.rule, loop_cpu=0.05, others_cpu=0.94, lag_s=0.02))
    assert (charged.share, charged.computes) == (0.94, 0.94)


@pytest.mark.parametrize(
    "changes",
    [
        {"loop_cpu": 0.05, "others_cpu": 0.74, "lag_s": 0.02},
        {"loop_cpu": 0.4, "others_cpu": 0.6, "lag_s": 0.02},
        {"loop_cpu": 0.05, "others_cpu": 0.94, "lag_s": 0.001},
    ],
    ids=["the core has time left", "the loop computes as much", "the loop is in time"],
)
def test_threads_that_leave_the_loop_its_time_hold_no_gil_from_it(changes: dict[str, Any]):
    assert charges(gil.rule, **changes) == []


def test_computing_threads_are_said_with_their_share_of_a_core():
    assert "they use 94% of a core" in sentence(gil.rule, scene(others_cpu=0.94))


def test_each_route_that_waits_on_the_loop_blocks_it():
    own, other = holding(holds=0.5, waits=0.5, certainty=0.5), holding("/b/blocking", holds=0.4, waits=0.3)
    first, second = charges(loop_blocked.rule, holdings=(own, other))
    assert isinstance(first, Occupies)
    assert isinstance(second, Occupies)
    assert (first.holding, second.holding) == (own, other)
    assert (first.share, first.computes, second.share, second.computes) == pytest.approx((0.5, 0.0, 0.4, 0.1))


@pytest.mark.parametrize(
    "changes",
    [
        {"holds": 0.04, "waits": 0.04},
        {"waits": 0.05},
        {"certainty": 0.4},
        {"site": None},
        {"site": place(serialising=True)},
    ],
    ids=["seldom holds it", "computes", "few samples show it", "no line is known", "makes an answer"],
)
def test_a_route_of_which_it_is_not_certain_that_it_waits_blocks_nothing(changes: dict[str, Any]):
    assert charges(loop_blocked.rule, holdings=(holding(**changes),)) == []


@pytest.mark.parametrize(("certainty", "blocks"), [(0.2, False), (0.3, True)])
def test_a_route_that_holds_the_loop_half_of_its_time_need_not_be_in_every_sample(certainty: float, blocks: bool):
    """Half of the samples are those of the other route, and half of its own are enough."""
    both = (holding(holds=0.4, waits=0.4, certainty=certainty), holding("/b/async", holds=0.4, waits=0.0))
    assert bool(charges(loop_blocked.rule, holdings=both)) == blocks


def test_a_blocked_loop_is_said_with_route_line_and_function():
    said = sentence(loop_blocked.rule, scene(), holding(holds=0.5, waits=0.4))
    assert said.startswith(f"{ROUTE} blocks the event loop at app.py:7, in handler")
    assert said.endswith("it holds the loop 50% of the time and computes for 20% of that")


def test_a_loop_cannot_be_held_for_more_than_all_the_time():
    assert "it holds the loop all the time" in sentence(loop_blocked.rule, scene(), holding(holds=1.03))


def test_the_source_of_the_line_and_who_suffers_are_evidence_of_a_blocked_loop():
    line, suffers = loop_blocked.rule.evidence(Cause("loop blocked", 1.0, holding()), scene(lag_s=0.05))
    assert "time.sleep(1)" in line
    assert suffers == "meanwhile any other request waited 50.0 ms or more for the loop on average (Σb²/2T)"


def test_a_handler_that_blocks_is_promised_what_threads_would_bring():
    blocked = Demands(response=0.0202, loop=0.02, processor=0.0002)
    predicted = loop_blocked.rule.prediction(Cause("loop blocked", 1.0, holding()), scene(blocked))
    assert predicted is not None
    assert predicted.knobs is None
    assert predicted.most == pytest.approx(40)


def test_a_handler_that_does_not_block_is_promised_nothing_from_a_rewrite():
    """A neighbour's handler as def would change nothing in the demands of this route."""
    blocked = Demands(response=0.0202, loop=0.02, processor=0.0002)
    assert loop_blocked.rule.prediction(Cause("loop blocked", 1.0, holding("/b/blocking")), scene(blocked)) is None


def test_a_route_whose_long_steps_compute_occupies_the_loop():
    charged = occupied(charges(loop_computing.rule, holdings=(COMPUTING,)))
    assert (charged.holding, charged.share, charged.computes) == (COMPUTING, 0.9, 0.9)


@pytest.mark.parametrize(
    ("held", "collecting"),
    [(holding(waits=0.0, long_computes=0.04), 0.0), (COMPUTING, 0.88), (holding(long_computes=0.5), 0.0),
     (SERIALISING, 0.0)],
    ids=["short steps", "collections lengthen them", "blocks the loop", "makes an answer"],
)  # fmt: skip
def test_a_route_whose_steps_are_long_for_another_reason_does_not_compute(held: Holding, collecting: float):
    assert charges(loop_computing.rule, holdings=(held,), collecting=collecting) == []


def test_a_computing_route_is_said_with_its_line_and_its_share_of_the_time():
    said = sentence(loop_computing.rule, scene(), COMPUTING)
    assert said.startswith(f"{ROUTE} computes on the event loop at app.py:7, in handler")
    assert said.endswith("take 90% of the time")
    assert f"{ROUTE} computes on the event loop: steps" in sentence(loop_computing.rule, scene(), holding(site=None))


def test_a_route_whose_long_steps_make_an_answer_serialises():
    assert occupied(charges(serialisation.rule, holdings=(SERIALISING,))).share == 0.9


def test_a_route_that_computes_by_itself_or_in_an_unknown_line_does_not_serialise():
    unknown = holding(waits=0.0, long_computes=0.9, site=None)
    assert charges(serialisation.rule, holdings=(COMPUTING, unknown)) == []


def test_serialisation_is_said_with_its_route_and_its_share_of_the_time():
    said = sentence(serialisation.rule, scene(), SERIALISING)
    assert said.startswith(f"{ROUTE} returns large answers")
    assert said.endswith("holds the event loop 90% of the time")


def test_calls_queue_for_a_connection_as_far_as_each_is_kept_no_longer():
    before, after = spending(calling=20.0), spending(calling=40.0, call_wait=10.0)
    charged = queue(charges(outbound_limit.rule, before, after))
    assert (charged.seconds, charged.own) == pytest.approx((10 * MS, 20 / 30))


def test_calls_that_wait_for_no_connection_are_under_no_limit():
    assert queue(charges(outbound_limit.rule, spending(calling=20.0), spending(calling=90.0))).seconds == 0.0


def test_an_outbound_limit_is_said_with_the_wait_for_a_connection():
    told = scene(spent=spending(calling=40.0, call_wait=12.5))
    assert sentence(outbound_limit.rule, told).endswith("a request waits 12.5 ms for one")


def test_threads_that_are_all_taken_and_kept_no_longer_have_the_whole_queue():
    before, after = spending(served=20.0, hops=1.0), spending(queued=15.0, served=20.0, hops=1.0)
    taken = {"borrowed": 40.0, "throughput_rps": 2_000.0, "tokens_full": 1.0}
    charged = queue(charges(thread_limit.rule, before, after, **taken))
    assert (charged.seconds, charged.own) == pytest.approx((15 * MS, 1.0))


def test_threads_that_are_kept_longer_leave_the_rest_of_the_queue_to_what_happens_inside():
    before, after = spending(served=20.0, hops=1.0), spending(queued=100.0, served=200.0, hops=1.0)
    taken = {"borrowed": 40.0, "throughput_rps": 200.0, "tokens_full": 1.0}
    charged = queue(charges(thread_limit.rule, before, after, **taken))
    assert charged.rest == "inside"
    assert (charged.own, charged.kept_longer_s) == pytest.approx((0.1, 180 * MS))


def test_a_request_that_needs_two_threads_keeps_each_for_half_of_its_time():
    before, after = spending(served=40.0, hops=2.0), spending(queued=30.0, served=40.0, hops=2.0)
    taken = {"borrowed": 40.0, "throughput_rps": 500.0, "tokens_full": 1.0}
    charged = queue(charges(thread_limit.rule, before, after, **taken))
    # Each hop now keeps its token for 40 ms, which were 20 ms.
    assert (charged.own, charged.kept_longer_s) == pytest.approx((0.5, 40 * MS))


def test_a_thread_that_wakes_up_late_while_tokens_are_left_is_not_the_limits_fault():
    before, after = spending(served=20.0, hops=1.0), spending(queued=15.0, served=20.0, hops=1.0)
    charged = queue(charges(thread_limit.rule, before, after, tokens_full=0.04))
    assert (charged.own, charged.rest) == (0.0, "loop")


def test_a_queue_of_requests_that_needed_no_thread_before_is_charged_to_nobody():
    charged = queue(charges(thread_limit.rule, NOTHING, spending(queued=15.0, hops=1.0), tokens_full=1.0))
    assert (charged.own, charged.rest) == (0.0, "nobody")


def test_a_thread_limit_is_said_with_its_tokens_and_how_often_all_were_taken():
    said = sentence(thread_limit.rule, scene(tokens=40, tokens_full=0.97))
    assert "in 97% of the readings all 40 threads were taken" in said


def test_an_upstream_is_charged_with_what_a_call_takes_longer_without_its_wait_for_a_connection():
    before, after = spending(calling=20.0), spending(calling=230.0, call_wait=10.0)
    assert slowness(charges(upstream.rule, before, after)).seconds == pytest.approx(200 * MS)


def test_calls_that_only_wait_for_a_connection_are_not_the_upstreams_fault():
    before, after = spending(calling=20.0), spending(calling=30.0, call_wait=12.0)
    assert slowness(charges(upstream.rule, before, after)).seconds == 0.0


def test_a_slow_upstream_is_said_with_the_time_of_a_call_under_load():
    told = scene(spent=spending(calling=230.0, call_wait=30.0))
    assert sentence(upstream.rule, told) == "the upstream service is slow: a call takes 200 ms"


@pytest.mark.parametrize(
    ("rule", "figures"),
    [
        (database_pool.rule, ["waits 18.0 ms for a connection", "with one user a request keeps it for 2.0 ms"]),
        (outbound_limit.rule, ["with one user a call keeps it for 5.0 ms"]),
        (thread_limit.rule, ["waits 15.0 ms for a thread", "with one user a request keeps it for 20.0 ms"]),
        (upstream.rule, ["unloaded, a call takes 5.0 ms"]),
        (cpu.rule, ["the loop's thread used 30% of a core, the other threads 10%"]),
        (gil.rule, ["the loop's thread got 30% of a core", "waited 50.0 ms or more for the loop"]),
    ],
    ids=lambda value: value.name if isinstance(value, CauseRule) else "",
)
def test_the_evidence_of_a_cause_is_in_figures(rule: CauseRule, figures: list[str]):
    demands = Demands(0.0202, thread=0.02, lease=0.002, call=0.005)
    told = scene(demands, spent=spending(queued=15.0, lease_wait=18.0), lag_s=0.05)
    shown = list(rule.evidence(Cause(rule.name, 0.8), told))
    assert len(shown) == len(figures)
    assert all(figure in line for figure, line in zip(figures, shown, strict=True))
