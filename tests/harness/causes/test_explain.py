"""What is said of a cause: the bound that it should be busy against, and what a change should bring."""

from dataclasses import replace

import pytest

from harness.causes.bounds import Demands, bounds_of, saturation_users
from harness.causes.cause import Cause, Scene, discover, explain
from harness.plan.knobs import Knobs
from harness.plan.level import Level
from tests.harness.causes.test_diagnosis import ALONE, holding, spending, symptoms

DEMANDS = Demands(response=0.0202, thread=0.02, processor=0.0002)
LEVEL = Level(64)


def scene(demands: Demands = DEMANDS, level: Level = LEVEL, **changes: float) -> Scene:
    loaded = symptoms(spending(pre=0.1, queued=15.0, served=20.0, hops=1.0), **changes)
    return Scene(level, ALONE, loaded, demands, bounds_of(level, demands, cores=1), cores=1)


def test_each_resource_allows_its_servers_over_the_demand():
    bounds = {bound.resource: bound.rps for bound in bounds_of(LEVEL, DEMANDS, cores=1, client_rps=90_000)}
    assert bounds["threads"] == pytest.approx(40 / 0.02)
    assert bounds["users"] == pytest.approx(64 / 0.0202)
    assert bounds["processor"] == pytest.approx(1 / 0.0002)
    assert bounds["client"] == 90_000
    assert "database pool" not in bounds


def test_the_tightest_bound_comes_first():
    assert bounds_of(LEVEL, DEMANDS, cores=1)[0].resource == "threads"


def test_a_worker_needs_a_core_to_be_worth_something():
    two = Level(64, knobs=Knobs(workers=2))
    one_core, two_cores = (
        next(bound.rps for bound in bounds_of(two, DEMANDS, cores=cores) if bound.resource == "processor")
        for cores in (1, 2)
    )
    assert two_cores == 2 * one_core


def test_twice_the_threads_bring_what_the_next_bound_allows():
    (explained,) = explain([Cause("thread limit", 1.0)], scene(loop_cpu=0.95))
    assert explained.prediction is not None
    assert explained.prediction.change == "thread tokens 40 → 80"
    assert explained.prediction.knobs == Knobs(threads=80)
    # 2,000 are now the limit, and then it is the 64 users.
    assert explained.prediction.most == pytest.approx(64 / 0.0202 / 2_000)


def test_a_processor_that_was_not_full_makes_the_prediction_a_range():
    """What a request costs it falls when there are more of them."""
    costly = replace(DEMANDS, processor=0.0004)
    (explained,) = explain([Cause("thread limit", 1.0)], scene(costly, loop_cpu=0.5))
    assert explained.prediction is not None
    assert explained.prediction.least == pytest.approx(2_500 / 2_000)
    assert explained.prediction.most == pytest.approx(64 / 0.0202 / 2_000)


def test_a_blocked_loop_names_its_line_and_what_threads_would_bring():
    blocked = Demands(response=0.0202, loop=0.02, processor=0.0002)
    (explained,) = explain([Cause("loop blocked", 1.0, holding())], scene(blocked))
    assert "app.py:7, in handler" in explained.sentence
    assert "time.sleep(1)" in explained.evidence[0]
    assert explained.prediction is not None
    assert explained.prediction.knobs is None
    assert explained.prediction.most == pytest.approx(40)


def test_awaiting_overtakes_threads_where_they_bind():
    assert saturation_users(40, DEMANDS, 0.0) == pytest.approx(40 * 0.0202 / 0.02)
    assert saturation_users(40, replace(DEMANDS, processor=0.001), 0.0) is None


@pytest.mark.parametrize("name", discover())
def test_every_cause_says_what_it_is_and_what_to_do(name: str):
    (explained,) = explain([Cause(name, 0.5, holding())], scene(loop_cpu=0.5))
    assert explained.cause.name == name
    assert explained.sentence
    assert not explained.sentence.endswith(".")
    assert explained.advice[0].isupper()
    assert explained.advice.endswith(".")
    assert all(explained.evidence)


def test_who_suffers_from_a_blocked_loop_is_part_of_the_evidence():
    (explained,) = explain([Cause("loop blocked", 1.0, holding())], scene(lag_s=0.05))
    assert explained.evidence[1] == "meanwhile any other request waited 50 ms or more for the loop on average (Σb²/2T)"


def test_a_handler_that_does_not_block_is_promised_nothing_from_a_rewrite():
    """A neighbour's handler as def would change nothing in the demands of this route."""
    blocked = Demands(response=0.0202, loop=0.02, processor=0.0002)
    (explained,) = explain([Cause("loop blocked", 1.0, holding("/b/blocking"))], scene(blocked))
    assert explained.prediction is None
