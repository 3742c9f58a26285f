"""What one change should bring: the lowest bound after it over the lowest before."""

from dataclasses import replace

import pytest

from harness.causes.bounds import Demands
from harness.causes.prediction import doubled, rewritten
from harness.plan.knobs import Knobs
from tests.harness.causes.made_up import DEMANDS, scene


def test_twice_the_threads_bring_what_the_next_bound_allows():
    predicted = doubled(scene(loop_cpu=0.95), "threads", "thread tokens")
    assert predicted.change == "thread tokens 40 → 80"
    assert predicted.knobs == Knobs(threads=80)
    # 2,000 are now the limit, and then it is the 64 users.
    assert predicted.most == pytest.approx(64 / 0.0202 / 2_000)


def test_a_processor_that_was_not_full_makes_the_prediction_a_range():
    """What a request costs it falls when there are more of them."""
    costly = replace(DEMANDS, processor=0.0004)
    predicted = doubled(scene(costly, loop_cpu=0.5), "threads", "thread tokens")
    assert predicted.least == pytest.approx(2_500 / 2_000)
    assert predicted.most == pytest.approx(64 / 0.0202 / 2_000)


def test_a_processor_that_was_full_makes_the_prediction_a_point():
    costly = replace(DEMANDS, processor=0.0004)
    predicted = doubled(scene(costly, loop_cpu=0.95), "threads", "thread tokens")
    assert predicted.least == predicted.most == pytest.approx(2_500 / 2_000)


@pytest.mark.parametrize(("cores", "brings"), [(1, 1.0), (2, 2.0)])
def test_twice_the_workers_bring_only_as_much_as_there_are_cores(cores: int, brings: float):
    computing = Demands(response=0.001, processor=0.001)
    predicted = doubled(scene(computing, cores=cores, loop_cpu=1.0), "workers", "workers")
    assert (predicted.least, predicted.most) == pytest.approx((brings, brings))


def test_a_rewrite_changes_the_demands_and_no_setting():
    blocked = Demands(response=0.0202, loop=0.02, processor=0.0002)
    predicted = rewritten(scene(blocked), "the handler as def", replace(blocked, loop=0.0, thread=0.02))
    assert (predicted.change, predicted.knobs) == ("the handler as def", None)
    assert predicted.most == pytest.approx(40)
