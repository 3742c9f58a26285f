from harness.machine.facts import PACKAGES, facts
from harness.machine.placement import place, usable_cores
from harness.measure.child import PROJECT


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
    found = facts(PROJECT)
    assert found["packages"].keys() == set(PACKAGES)
    assert found["python"].startswith("CPython 3.")
    assert found["cpu"]
