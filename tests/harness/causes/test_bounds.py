"""The bound of a declared wait, the demands of an unloaded request, and the bounds that follow from them."""

from dataclasses import replace

import pytest

from harness.causes.bounds import OUTBOUND_CONNECTIONS, Demands, bound, bounds_of, demands_of, saturation_users
from harness.plan.knobs import Knobs
from harness.plan.level import Level
from harness.plan.plan import PlannedVariant, PlannedWorkload
from tests.harness.causes.made_up import DEMANDS, LEVEL, MS, spending, symptoms
from tests.rehearsal import plan


def planned(name: str, variant: str) -> tuple[PlannedWorkload, PlannedVariant]:
    (workload,) = plan(name).workloads
    return workload, next(each for each in workload.variants if each.name == variant)


@pytest.mark.parametrize(
    ("variant", "rps"), [("sync", 40 / 0.02), ("offload", 40 / 0.02), ("blocking", 1 / 0.02), ("async", 64 / 0.02)]
)
def test_the_bound_of_a_declared_wait_follows_from_how_the_handler_waits(variant: str, rps: float):
    found = bound(*planned("sleep", variant), LEVEL)
    assert found is not None
    assert found.rps == pytest.approx(rps)


def test_with_fewer_users_than_threads_the_users_are_the_bound():
    found = bound(*planned("sleep", "sync"), Level(8))
    assert found is not None
    assert found.resource == "users"
    assert found.rps == pytest.approx(8 / 0.02)


def test_a_think_time_lowers_what_the_users_ask_for():
    found = bound(*planned("sleep", "async"), Level(40, think_s=0.18))
    assert found is not None
    assert found.rps == pytest.approx(40 / 0.2)
    assert found.formula == "40 / (20 ms + 180 ms think time)"


def test_awaited_calls_are_bound_by_the_outbound_connections_of_all_workers():
    external = planned("external", "async")
    found = bound(*external, Level(1_000, knobs=Knobs(workers=2)))
    assert found is not None
    assert found.resource == "outbound pool"
    assert found.rps == pytest.approx(2 * OUTBOUND_CONNECTIONS / 0.02)


def test_a_workload_that_declares_no_wait_has_no_bound():
    assert bound(*planned("root", "sync"), LEVEL) is None


def test_what_an_unloaded_request_asks_of_each_resource_comes_from_its_parts():
    alone = symptoms(
        spending(queued=1.0, served=20.0, returned=2.0, hops=1.0, leased=3.0, calling=9.0, call_wait=4.0, stepping=5.0)
    )
    found = demands_of(alone, 0.05, 0.0004, blocks=False)
    assert found is not None
    assert (found.thread, found.lease, found.call) == pytest.approx((23 * MS, 3 * MS, 5 * MS))
    assert (found.response, found.processor, found.loop) == (0.05, 0.0004, 0.0)


def test_only_a_handler_that_blocks_needs_the_loop_for_the_whole_of_its_steps():
    found = demands_of(symptoms(spending(stepping=20.0)), 0.02, 0.0, blocks=True)
    assert found is not None
    assert (found.loop, found.thread) == pytest.approx((20 * MS, 0.0))


def test_a_call_that_seems_to_wait_longer_than_it_lasts_asks_for_nothing():
    found = demands_of(symptoms(spending(calling=1.0, call_wait=2.0)), 0.02, 0.0, blocks=False)
    assert found is not None
    assert found.call == 0.0


def test_a_server_that_kept_no_accounts_has_no_demands():
    assert demands_of(symptoms(None), 0.02, 0.0, blocks=False) is None


def test_each_resource_allows_its_servers_over_the_demand():
    bounds = {found.resource: found.rps for found in bounds_of(LEVEL, DEMANDS, cores=1, client_rps=90_000)}
    assert bounds["threads"] == pytest.approx(40 / 0.02)
    assert bounds["users"] == pytest.approx(64 / 0.0202)
    assert bounds["processor"] == pytest.approx(1 / 0.0002)
    assert bounds["client"] == 90_000
    assert "database pool" not in bounds


def test_each_worker_has_threads_a_loop_and_pools_of_its_own():
    demands = Demands(response=0.8, thread=0.1, lease=0.01, call=0.05, loop=0.02)
    both = Level(64, knobs=Knobs(workers=2, threads=20, pool_size=5))
    bounds = {found.resource: (round(found.rps), found.formula) for found in bounds_of(both, demands, cores=1)}
    assert bounds == {
        "users": (80, "64 / 800 ms"),
        "loop": (100, "2 / 20 ms"),
        "threads": (400, "40 / 100 ms"),
        "database pool": (1_000, "10 / 10 ms"),
        "outbound pool": (20 * 2 * OUTBOUND_CONNECTIONS, f"{2 * OUTBOUND_CONNECTIONS} / 50 ms"),
    }


def test_the_tightest_bound_comes_first():
    assert bounds_of(LEVEL, DEMANDS, cores=1)[0].resource == "threads"


def test_in_an_open_loop_no_more_is_asked_for_than_the_rate():
    bounds = {found.resource: found.rps for found in bounds_of(Level(64, "open", 200.0), DEMANDS, cores=1)}
    assert bounds["users"] == 200.0


def test_a_request_that_asks_for_nothing_is_bound_by_nothing():
    assert bounds_of(LEVEL, replace(DEMANDS, response=0.0, thread=0.0, processor=0.0), cores=1) == ()


def test_a_worker_needs_a_core_to_be_worth_something():
    two = Level(64, knobs=Knobs(workers=2))
    one_core, two_cores = (
        next(found.rps for found in bounds_of(two, DEMANDS, cores=cores) if found.resource == "processor")
        for cores in (1, 2)
    )
    assert two_cores == 2 * one_core


def test_awaiting_overtakes_threads_where_they_bind():
    assert saturation_users(40, DEMANDS, 0.0) == pytest.approx(40 * 0.0202 / 0.02)
    assert saturation_users(40, DEMANDS, 0.2) == pytest.approx(40 * 0.2202 / 0.02)
    assert saturation_users(40, replace(DEMANDS, processor=0.001), 0.0) is None


def test_threads_never_limit_a_handler_that_needs_none():
    assert saturation_users(40, replace(DEMANDS, thread=0.0, processor=0.0), 0.0) is None
