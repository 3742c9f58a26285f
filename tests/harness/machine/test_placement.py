import os

import pytest

from harness.machine.facts import PACKAGES, facts
from harness.machine.placement import Placement, find_place, place, taking_place, usable_cores


def test_with_two_cores_the_server_has_one_to_itself():
    placement = place([0, 1])
    assert (placement.server, placement.load, placement.services, placement.shared) == ((0,), (1,), (1,), False)


def test_with_more_cores_server_load_and_services_are_apart():
    placement = place([0, 1, 2, 3])
    assert (placement.server, placement.load, placement.services) == ((0,), (1,), (2, 3))


def test_each_load_process_gets_a_core_while_one_is_left_for_the_services():
    assert place([0, 1, 2, 3, 4], load_processes=2).load == (1, 2)
    placement = place([0, 1, 2, 3], load_processes=8)
    assert (placement.server, placement.load, placement.services) == ((0,), (1, 2), (3,))


def test_with_one_core_everything_shares_it_and_says_so():
    placement = place([3])
    assert placement.shared
    assert str(placement) == "core 3: server, load and services together"


def test_the_usable_cores_are_ones_that_this_process_may_use():
    assert usable_cores()


def test_the_facts_name_every_package_that_a_figure_depends_on():
    found = facts(Placement((0,), (1,), (1,), shared=False))
    assert found.packages.keys() == set(PACKAGES)
    assert found.python.startswith("CPython 3.")
    assert found.cpu


def test_a_process_that_has_taken_its_place_still_knows_that_the_server_has_a_core_of_its_own():
    if len(usable_cores()) < 2:
        pytest.skip("there is one core")
    placement = find_place()
    with taking_place(placement):
        assert len(usable_cores()) < 2 or len(os.sched_getaffinity(0)) > 1
        assert "server and load apart (one core)" not in facts(placement).missing_signals
    alone = Placement((0,), (0,), (0,), shared=True)
    assert "server and load apart (one core)" in facts(alone).missing_signals


def test_after_its_place_a_process_has_the_cores_that_it_had_before():
    """A run under `taskset` must not give itself every core of the machine at its end."""
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        with taking_place(Placement((min(before),), (max(before),), (max(before),), shared=False)):
            assert os.sched_getaffinity(0) == {max(before)}
        assert os.sched_getaffinity(0) == {min(before)}
    finally:
        os.sched_setaffinity(0, before)
