"""The stopping rule, on declared trials: an interval must be narrow enough for its ratio."""

import pytest

from harness.machine.placement import Placement
from harness.measure.stopping import is_look, is_precise
from harness.plan.level import Level
from harness.plan.schedule import Schedule, Stop
from harness.record.run import RecordedTrial
from tests.rehearsal import plan, result, schedule

LEVEL = Level(64)
PLACEMENT = Placement((0,), (1,), (1,), shared=False)


def made() -> Schedule:
    return schedule("root", blocks=6, max_blocks=20)


def trials(spread: float, factor: float = 1.5, blocks: int = 6) -> list[RecordedTrial]:
    """`async` is faster than `sync` by this factor, give or take the spread, in turn."""
    found = []
    for trial in made().trials:
        if trial.block < blocks:
            wobble = 1 + spread * (1 if trial.block % 2 else -1)
            rate = 1_000.0 * (factor * wobble if trial.variant == "async" else 1.0)
            found.append(RecordedTrial(trial, result(rate)))
    return found


def test_looks_are_taken_after_the_fewest_blocks_and_every_second_one_then():
    assert [blocks for blocks in range(1, 21) if is_look(made().plan, blocks)] == [6, 8, 10, 12, 14, 16, 18]


def test_a_plan_with_a_fixed_number_of_blocks_has_no_look():
    assert not any(is_look(plan("root", blocks=6), blocks) for blocks in range(1, 30))


@pytest.mark.parametrize(("spread", "precise"), [(0.01, True), (0.02, True), (0.05, False)])
def test_a_comparison_is_precise_when_its_interval_is_narrow(spread: float, precise: bool):
    assert is_precise(made(), "root", LEVEL, trials(spread), PLACEMENT) == precise


def test_a_large_effect_needs_less_precision():
    # Half-width 0.054 on the logarithm: too wide for a ratio of 1.5, within a twentieth of ln 20.
    assert not is_precise(made(), "root", LEVEL, trials(0.047), PLACEMENT)
    assert is_precise(made(), "root", LEVEL, trials(0.047, factor=20.0), PLACEMENT)


def test_an_interval_that_excludes_one_is_no_reason_to_stop():
    """A tie and a clear win with the same spread are stopped, or not, alike."""
    for spread in (0.01, 0.05):
        tie, win = (is_precise(made(), "root", LEVEL, trials(spread, factor), PLACEMENT) for factor in (1.0, 1.3))
        assert tie == win


def test_a_stopped_comparison_has_no_further_trials_and_the_others_keep_theirs():
    both = schedule("root", "item", blocks=2, max_blocks=8)
    stopped = both.knowing(stops=(Stop("root", LEVEL, 4),))
    assert {trial for trial in both.trials if trial.workload == "item"} <= set(stopped.trials) < set(both.trials)
    assert max(trial.block for trial in stopped.trials if trial.workload == "root") == 3
