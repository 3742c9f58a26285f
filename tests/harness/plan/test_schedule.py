from collections import Counter, defaultdict

from bench_app.discovery import discover
from harness.plan.options import RunOptions
from harness.plan.planning import make_plan
from harness.plan.schedule import Schedule
from tests.rehearsal import schedule


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


def test_the_step_at_an_equal_rate_follows_from_the_slower_variant():
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
