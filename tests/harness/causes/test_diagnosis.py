"""The rules, without a server: who is charged with what a request waits for."""

from dataclasses import replace

import pytest

from harness.causes.diagnosis import Diagnosis, diagnose
from tests.harness.causes.made_up import ALONE, holding, place, spending, symptoms


def found(diagnosis: Diagnosis) -> list[tuple[str, float]]:
    return [(cause.name, round(cause.share or 0.0, 2)) for cause in diagnosis.causes]


def test_as_fast_as_alone_is_no_fault():
    assert diagnose(ALONE, ALONE).causes == ()


def test_a_wait_for_a_thread_is_the_thread_limit_where_each_is_kept_no_longer():
    loaded = symptoms(spending(pre=0.1, queued=15.0, served=20.0, hops=1.0), borrowed=40.0, throughput_rps=2_000.0,
                      tokens_full=1.0)  # fmt: skip
    assert found(diagnose(ALONE, loaded)) == [("thread limit", 1.0)]


def test_a_wait_for_a_thread_that_is_kept_longer_is_charged_to_what_keeps_it():
    """Forty threads all wait for an upstream service that became ten times slower."""
    alone = symptoms(spending(served=20.0, calling=20.0, hops=1.0, whole=20.0))
    loaded = symptoms(
        spending(queued=100.0, served=200.0, calling=200.0, hops=1.0, whole=300.0),
        borrowed=40.0,
        throughput_rps=200.0,
        tokens_full=1.0,
    )
    (only,) = found(diagnose(alone, loaded))
    assert only[0] == "upstream"
    assert only[1] > 0.9


def test_a_pool_is_the_limit_only_as_far_as_connections_are_kept_no_longer():
    alone = symptoms(spending(leased=2.0, whole=3.0))
    small = symptoms(spending(lease_wait=18.0, leased=2.0, whole=21.0), pool_full=1.0)
    slow = symptoms(spending(lease_wait=18.0, leased=20.0, whole=39.0), pool_full=1.0)
    assert found(diagnose(alone, small)) == [("database pool", 1.0)]
    assert found(diagnose(alone, slow))[0] == ("database", 0.95)


def test_where_the_processor_is_full_the_database_is_not_to_blame():
    alone = symptoms(spending(leased=2.0, whole=3.0))
    loaded = symptoms(spending(pre=5.0, lease_wait=18.0, leased=20.0, whole=44.0), pool_full=1.0, loop_cpu=0.98,
                      others_cpu=0.0)  # fmt: skip
    assert found(diagnose(alone, loaded))[0][0] == "CPU"


def test_who_waits_on_the_loop_blocks_it():
    alone = symptoms(spending(pre=0.2, whole=20.0))
    loaded = symptoms(spending(pre=500.0, whole=520.0), holdings=(holding(),), loop_cpu=0.05, others_cpu=0.0)
    assert found(diagnose(alone, loaded)) == [("loop blocked", 1.0)]


def test_a_neighbour_that_blocks_the_loop_is_named_by_its_route():
    loaded = symptoms(spending(pre=200.0, whole=220.0), holdings=(holding("/b/blocking", holds=0.6, waits=0.6),))
    first = diagnose(symptoms(spending(pre=0.2, whole=20.0)), loaded).first
    assert first is not None
    assert first.holding is not None
    assert first.holding.route == "/b/blocking"


def test_who_blocks_the_loop_is_named_even_if_only_others_suffer():
    diagnosis = diagnose(ALONE, replace(ALONE, holdings=(holding(holds=0.4, waits=0.38),)))
    assert [(cause.name, cause.share) for cause in diagnosis.causes] == [("loop blocked", None)]


@pytest.mark.parametrize(("serialising", "name"), [(False, "loop computing"), (True, "serialisation")])
def test_long_steps_that_compute_are_told_from_the_making_of_an_answer(serialising: bool, name: str):
    computing = holding(waits=0.0, long_computes=0.9, site=place(serialising=serialising))
    loaded = symptoms(spending(pre=100.0, whole=120.0), holdings=(computing,), loop_cpu=0.9,
                      others_cpu=0.0)  # fmt: skip
    assert found(diagnose(symptoms(spending(pre=0.1, whole=20.0)), loaded))[0] == (name, 1.0)


def test_threads_that_compute_keep_the_gil_from_the_loop():
    loaded = symptoms(spending(pre=100.0, whole=120.0), loop_cpu=0.05, others_cpu=0.94, lag_s=0.02)
    assert found(diagnose(symptoms(spending(pre=0.1, whole=20.0)), loaded))[0] == ("threads hold the GIL", 0.95)


def test_garbage_collection_has_its_share_of_a_full_processor():
    loaded = symptoms(spending(pre=100.0, whole=101.0), loop_cpu=1.0, others_cpu=0.0, collecting=0.3)
    assert found(diagnose(symptoms(spending(pre=0.1, whole=1.0)), loaded)) == [
        ("CPU", 0.7),
        ("garbage collection", 0.3),
    ]


def test_causes_that_come_together_share_what_was_added():
    """Half of the loop is a neighbour that blocks it, and there are too few threads."""
    loaded = symptoms(
        spending(pre=30.0, queued=70.0, served=20.0, hops=1.0, whole=120.2),
        holdings=(holding("/b/blocking", holds=0.7, waits=0.7),),
        borrowed=40.0,
        throughput_rps=2_000.0,
        tokens_full=1.0,
    )
    assert found(diagnose(ALONE, loaded)) == [("thread limit", 0.7), ("loop blocked", 0.3)]


def test_what_no_rule_accounts_for_is_said_to_be_unexplained():
    """A wait before an idle loop has no cause that these signals know."""
    diagnosis = diagnose(ALONE, symptoms(spending(pre=80.0, served=20.0, hops=1.0)))
    assert diagnosis.causes == ()
    assert diagnosis.unexplained == pytest.approx(1.0)


def test_where_nothing_moves_it_is_a_deadlock():
    stuck = symptoms(None, idle_s=3.0, tokens_full=1.0, pool_full=1.0)
    assert found(diagnose(ALONE, stuck)) == [("deadlock", 1.0)]
    assert diagnose(ALONE, replace(stuck, pool_full=0.2)).unknown is not None


def test_a_loop_that_others_keep_from_its_core_is_no_cause():
    kept = replace(ALONE, run_delay=0.4, spending=spending(pre=80.0, served=20.0))
    assert "other programs used the server's core" in (diagnose(ALONE, kept).unknown or "")
    # Its own threads are no others.
    assert diagnose(ALONE, replace(kept, others_cpu=0.6)).unknown is None


def test_without_telemetry_the_cause_is_unknown():
    assert diagnose(None, None).unknown == "no telemetry"


def test_an_upstream_that_is_slow_for_one_user_too_is_held_against_what_it_declares():
    slow = symptoms(spending(calling=200.0, whole=201.0))
    assert found(diagnose(slow, slow, expected_call_s=0.02)) == [("upstream", 1.0)]
    assert diagnose(slow, slow, expected_call_s=0.2).causes == ()
