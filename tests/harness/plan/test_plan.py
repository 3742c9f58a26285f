from collections import Counter, defaultdict
from typing import Any

import pytest

from bench_app.discovery import discover
from harness.exceptions import BadInputError
from harness.plan.options import RunOptions
from harness.plan.plan import Pair
from harness.plan.planning import make_plan
from harness.plan.schedule import Schedule
from tests.rehearsal import plan, schedule

# A workload that somebody adds makes a run of everything longer; these tests are about the workloads named here.
BUILT_IN = {name: discover()[name] for name in ("database", "external", "file", "item", "root", "sleep")}


def test_a_block_holds_one_trial_of_every_variant():
    made = schedule("sleep", "root", blocks=4)
    blocks = defaultdict(list)
    for trial in made.trials:
        blocks[trial.block, trial.workload].append(trial.variant)
    assert len(blocks) == 8
    assert all(
        sorted(names) == ["async", "blocking", "offload", "sync"] for (_, w), names in blocks.items() if w == "sleep"
    )


def test_over_two_blocks_no_variant_comes_earlier_than_another():
    made = schedule("database", blocks=6)
    order = defaultdict(list)
    for trial in made.trials:
        order[trial.block].append(trial.variant)
    for block in (0, 2, 4):
        assert order[block] == order[block + 1][::-1]
    assert order[0] != order[2] or order[2] != order[4]


def test_a_plan_with_more_blocks_begins_with_the_trials_of_one_with_fewer():
    fewer, more = schedule("sleep", blocks=3), schedule("sleep", blocks=6)
    assert more.trials[: len(fewer.trials)] == fewer.trials


def test_the_seed_decides_the_order_and_nothing_else_does():
    assert schedule(seed=3).trials == schedule(seed=3).trials
    assert schedule(seed=3).trials != schedule(seed=4).trials


def test_trials_are_numbered_in_the_order_in_which_they_run():
    assert [trial.number for trial in schedule("root").trials] == list(range(1, 11))


def test_every_level_is_measured_in_every_block():
    made = schedule("root", users=[8, 64], blocks=2)
    assert Counter((trial.variant, trial.level.users) for trial in made.trials) == {
        (variant, users): 2 for variant in ("sync", "async") for users in (8, 64)
    }


def test_pairs_follow_the_variants_and_the_claims_without_repeating_one():
    pairs = plan("external").pairs
    assert Pair("external", "sync", "async") in pairs
    assert Pair("external", "async", "async_session_each") in pairs
    assert len(pairs) == len(set(pairs)) == 4


def test_a_variant_without_its_rival_is_measured_alone():
    made = plan("sleep", variants=["async"])
    assert [variant.name for variant in made.workloads[0].variants] == ["async"]
    assert made.pairs == ()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"workloads": ["databse"]}, "no workload 'databse': did you mean 'database'"),
        ({"workloads": ["zzz"]}, "choose from database, external, file, item, root, sleep"),
        ({"variants": ["asink"]}, "no variant 'asink': did you mean 'async'"),
        ({"profile": "quik"}, "no profile 'quik': did you mean 'quick'"),
        ({"users": [0]}, "--users 0 is out of range: give a number from 1 to 10000"),
        ({"seconds": 0.0}, "--seconds 0 is out of range"),
        ({"seconds": float("nan")}, "--seconds nan is out of range"),
        ({"blocks": 0}, "--blocks 0 is out of range"),
    ],
)
def test_what_cannot_be_planned_is_refused_with_what_to_do(options: dict[str, object], sentence: str):
    with pytest.raises(BadInputError, match=sentence):
        make_plan(BUILT_IN, RunOptions(**options))


def test_the_quick_profile_is_planned_to_take_less_than_200_seconds():
    assert Schedule(make_plan(BUILT_IN)).expected_s() < 200


def test_the_step_at_an_equal_rate_follows_from_the_slower_twin():
    first = Schedule(make_plan(discover(), RunOptions(workloads=["sleep", "root"], iso_rate=0.7, blocks=4)))
    assert first.found.iso == ()
    carried = {("sleep", "sync"): 1800.0, ("sleep", "async"): 2900.0, ("root", "sync"): 5000.0, ("root", "async"): 0.0}
    last = first.at_equal_rates(carried)
    (iso,) = last.found.iso  # root's async carried nothing
    assert (iso.pair.baseline, iso.pair.contender, iso.level.rate_rps) == ("sync", "async", 1260.0)
    assert last.trials[: len(first.trials)] == first.trials
    added = last.trials[len(first.trials) :]
    assert [trial.block for trial in added] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert {trial.level for trial in added} == {iso.level}
    assert [trial.number for trial in last.trials] == list(range(1, len(last.trials) + 1))


def test_an_open_loop_has_no_step_at_an_equal_rate():
    assert make_plan(discover(), RunOptions(rate=[100], profile="standard")).iso_pairs == ()


@pytest.mark.parametrize(
    ("options", "fragment"),
    [
        ({"think_ms": -1}, "--think-ms"),
        ({"think_ms": 5, "rate": [100]}, "closed loop"),
        ({"iso_rate": 1.5}, "--iso-rate"),
        ({"load_processes": 0}, "--load-processes"),
        ({"load_processes": 4, "users": [2]}, "cannot share 2 users"),
    ],
)
def test_load_that_makes_no_sense_is_refused(options: dict[str, Any], fragment: str):
    with pytest.raises(BadInputError, match=fragment):
        make_plan(discover(), RunOptions(**options))
