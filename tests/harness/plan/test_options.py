"""What was asked for, as one value: parsed, checked, and refused in one sentence."""

import pytest

from harness.exceptions import BadInputError
from harness.plan.options import CapacityOptions, CrossoverOptions, RunOptions, option_of


def test_lists_are_parsed_where_they_are_text_and_kept_where_they_are_lists():
    assert RunOptions.of({"users": "8, 64"}).users == (8, 64)
    assert RunOptions(users=[8, 64]).users == (8, 64)
    assert RunOptions.of({"rate": "200,500.5"}).rate == (200.0, 500.5)
    assert RunOptions.of({"variants": "sync,async"}).variants == ("sync", "async")


def test_an_unknown_option_is_refused_with_the_nearest_one():
    with pytest.raises(BadInputError, match="no option '--user': did you mean '--users'"):
        RunOptions.of({"user": "8"})


def test_a_value_of_another_type_is_refused_with_its_option():
    with pytest.raises(BadInputError, match="--seed cannot be used"):
        RunOptions.of({"seed": "many"})


def test_knobs_become_settings_and_the_rest_stays():
    options = RunOptions.of_command_line(
        {"workloads": ["root"], "threads": "20,40", "loop": None, "seed": 3},
        asked=frozenset({"threads"}),
        command="run",
    )
    assert [knobs.threads for knobs in options.settings] == [20, 40]
    assert (options.workloads, options.seed) == (("root",), 3)


def test_a_run_goes_on_by_its_own_plan_so_that_nothing_else_may_be_asked():
    assert RunOptions.of({"resume": "latest"}, asked=frozenset({"resume", "out"})).resume is not None
    for asked, said in (("workloads", "names of workloads"), ("users", "--users"), ("threads", "--threads")):
        with pytest.raises(BadInputError, match=f"{said} and --resume"):
            RunOptions.of({"resume": "latest"}, asked=frozenset({"resume", asked}))


def test_telemetry_is_of_a_server_that_the_run_starts():
    assert RunOptions().profiles
    assert not RunOptions(probe=False).profiles
    assert not RunOptions(target=["http://127.0.0.1:9/"]).collects


def test_an_ipv6_address_of_a_meeting_can_be_typed_back():
    meeting = RunOptions(master_bind="[::1]:6000", expect_workers=2).meeting
    assert meeting is not None
    assert str(meeting) == "[::1]:6000"
    again = RunOptions(master_bind=str(meeting), expect_workers=2).meeting
    assert again == meeting


def test_a_field_is_spelled_as_its_option():
    assert option_of("max_blocks") == "--max-blocks"
    assert option_of("workloads_dir") == "--workloads"
    assert option_of("span") == "--range"


def test_every_command_checks_its_own_ranges():
    with pytest.raises(BadInputError, match="--repeats 0 is out of range"):
        CapacityOptions.of({"workload": "sleep", "slo": "p99<1s", "repeats": 0})
    with pytest.raises(BadInputError, match="--blocks 1 is out of range"):
        CrossoverOptions.of(
            {"workload": "sleep", "baseline": "sync", "contender": "async", "over": "users", "blocks": 1}
        )
