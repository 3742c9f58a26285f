"""The knobs of the server: what may be set, what may be varied, and how it is said."""

import pytest

from harness.exceptions import BadInputError
from harness.machine.placement import place
from harness.plan.knobs import USUAL, Knobs, check_needed, make_knobs, varied
from harness.plan.level import Level
from harness.plan.plan import unloaded_of
from harness.plan.schedule import Schedule
from tests.rehearsal import plan


def test_nothing_asked_for_is_the_usual_setting():
    assert make_knobs({}) == (USUAL,)
    assert str(USUAL) == ""


def test_every_combination_of_what_was_asked_for_is_a_setting():
    settings = make_knobs({"threads": [20, 40], "loop": ["uvloop", "asyncio"]})
    assert len(set(settings)) == 4
    assert varied(settings) == ["threads", "loop"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"threads": [0]}, "--threads"),
        ({"pool_size": [100_000]}, "--pool-size"),
        ({"workers": [-1]}, "--workers"),
        ({"loop": ["trio"]}, "trio"),
        ({"http": ["h12"]}, "h11"),
    ],
)
def test_a_setting_that_there_is_not_is_refused(asked: dict[str, list[int | str]], said: str):
    with pytest.raises(BadInputError, match=said):
        make_knobs(asked)


def test_pool_sizes_of_no_database_are_refused():
    with pytest.raises(BadInputError, match="none of these workloads uses a database"):
        check_needed(make_knobs({"pool_size": [5, 10]}), ["upstream"])
    check_needed(make_knobs({"pool_size": [5, 10]}), ["database"])


def test_a_level_says_what_is_not_usual_about_its_server():
    assert str(Level(64, knobs=Knobs(threads=80, loop="asyncio"))) == (
        "64 users, closed loop, 80 threads, asyncio loop"
    )


def test_a_setting_is_measured_and_diagnosed_at_every_load():
    made = plan("sleep", users=[8, 64], settings=make_knobs({"threads": [40, 80]}), diagnose=True)
    assert len(made.levels) == 4
    assert [(level.users, level.knobs.threads) for level in made.levels][:2] == [(8, 40), (64, 40)]
    alone = {unloaded_of(level) for level in made.levels}
    assert alone <= {trial.level for trial in Schedule(made).diagnostics}
    assert len(alone) == 2


def test_trials_that_diagnose_the_same_setting_follow_each_other():
    """Each other setting is another server, which has to be started."""
    made = plan("sleep", settings=make_knobs({"threads": [40, 80]}), diagnose=True)
    knobs = [trial.level.knobs.threads for trial in Schedule(made).diagnostics]
    assert knobs == sorted(knobs)


def test_several_workers_get_a_core_each_while_two_are_left():
    assert place([0, 1, 2, 3], workers=2).server == (0, 1)
    assert place([0, 1, 2, 3], workers=8).server == (0, 1)
    assert place([0, 1], workers=2).server == (0,)
