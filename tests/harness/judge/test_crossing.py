"""The search for a change of the better variant, against declared ratios: exact ones, and noisy ones."""

import math
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench_app.discovery import discover
from bench_app.settings import THREAD_TOKENS
from harness.causes.bounds import bound
from harness.judge.crossing import (
    MOST_FURTHER,
    RESOLUTION,
    Point,
    Side,
    crossings,
    grid,
    middle,
    next_level,
    saturation,
    side,
)
from harness.judge.verdict import Verdict, verdict
from harness.plan.level import Level
from harness.plan.options import RunOptions
from harness.plan.planning import make_plan
from harness.stats.estimate import Estimate, ratio

Truth = Callable[[int], float]


def exact(truth: Truth, low: int, high: int) -> list[Point]:
    """What a search without noise has measured when it ends; a ratio of 1 is a tie."""
    known: dict[int, Point] = {}
    pending = list(grid(low, high))
    while (level := pending.pop() if pending else next_level(list(known.values()))) is not None:
        value = truth(level)
        favours: Side | None = None if value == 1 else "contender" if value > 1 else "baseline"
        known[level] = Point(level, Estimate(value, value, value, 4), favours, level in known)
    return list(known.values())


def noisy(truth: Truth, draw: random.Random, blocks: int = 4, spread: float = 0.05) -> list[Point]:
    """The same from 1 to 256, where each trial spreads by `spread` (a log SD)."""
    trials: dict[int, list[tuple[float, float]]] = {}

    def points() -> list[Point]:
        found = []
        for level, pairs in trials.items():
            estimate = ratio([ours for ours, _ in pairs], [theirs for _, theirs in pairs])
            judged = verdict(estimate, margin=0.05, valid=True)
            found.append(Point(level, estimate, side(judged, estimate), len(pairs) > blocks))
        return found

    pending = list(grid(1, 256))
    while (level := pending.pop() if pending else next_level(points())) is not None:
        trials.setdefault(level, []).extend(
            (truth(level) * math.exp(draw.gauss(0, spread)), math.exp(draw.gauss(0, spread))) for _ in range(blocks)
        )
    return points()


def point(level: int, value: float, favours: Side | None, again: bool = True) -> Point:
    return Point(level, Estimate(value, value * 0.98, value * 1.02, 4), favours, again)


# The levels


@given(st.integers(1, 9_000), st.integers(1, 9_000))
def test_the_grid_holds_both_ends_and_few_levels_far_enough_apart(low: int, more: int):
    levels = grid(low, low + more)
    assert (levels[0], levels[-1]) == (low, low + more)
    assert 2 <= len(levels) <= 7
    assert list(levels) == sorted(set(levels))


def test_the_default_ranges_have_seven_levels():
    assert grid(1, 256) == (1, 3, 6, 16, 40, 102, 256)
    assert len(grid(1, 200)) == len(grid(4, 96)) == 7
    assert grid(5, 6) == (5, 6)


def test_nothing_lies_between_neighbours_or_levels_that_are_close_enough():
    assert middle(16, 40) == 25
    assert middle(5, 6) is None
    assert middle(100, 109) is None


# Without noise


@given(st.floats(1.5, 250), st.floats(0.05, 3), st.booleans())
def test_any_one_crossing_is_found_and_held_between_two_levels(where: float, slope: float, falling: bool):
    points = exact(lambda level: (level / where) ** (-slope if falling else slope), 1, 256)
    (crossing,) = crossings(points)
    assert crossing.low <= where <= crossing.high
    # A tie on the very spot lies between the two.
    assert crossing.high <= max(RESOLUTION**2 * crossing.low, crossing.low + 2)
    assert crossing.level == pytest.approx(where, rel=0.001)
    assert (crossing.before, crossing.after) == (("contender", "baseline") if falling else ("baseline", "contender"))
    assert len(points) <= 7 + MOST_FURTHER


def test_two_crossings_are_both_reported():
    points = exact(lambda level: 1.5 if 10 < level < 100 else 0.7, 1, 256)
    first, second = crossings(points)
    assert (first.low, first.high) == pytest.approx((10, 10), rel=0.2)
    assert (second.low, second.high) == pytest.approx((100, 100), rel=0.2)
    assert (first.after, second.after) == ("contender", "baseline")


def test_where_one_is_better_throughout_or_nothing_differs_the_grid_is_enough():
    for truth in (lambda level: 1.5, lambda level: 0.5, lambda level: 1.0, lambda level: max(1.0, level / 40)):
        points = exact(truth, 1, 256)
        assert crossings(points) == ()
        assert len(points) == 7


def test_levels_at_which_the_two_tie_are_left_between_the_ends_of_the_crossing():
    points = exact(lambda level: 0.8 if level < 20 else 1.0 if level < 60 else 1.3, 1, 256)
    (crossing,) = crossings(points)
    assert crossing.low < 20
    assert crossing.high >= 60
    assert crossing.high / crossing.low < 1.3 * 60 / 20


# What the points say


def test_the_estimate_is_linear_in_the_logarithms():
    points = [point(10, 1 / 2, "baseline"), point(160, 8, "contender")]
    # ln(1/2) : ln 8 = −1 : 3, so a quarter of the way from ln 10 to ln 160, a factor of 2.
    (found,) = crossings(points)
    assert found.level == pytest.approx(20)
    assert (found.low, found.high, found.before, found.after) == (10, 160, "baseline", "contender")


def test_undecided_levels_between_decided_ones_move_the_estimate_and_not_the_interval():
    points = [point(10, 0.5, "baseline"), point(20, 0.99, None), point(40, 1.01, None), point(80, 2, "contender")]
    (crossing,) = crossings(points)
    assert (crossing.low, crossing.high) == (10, 80)
    assert crossing.level == pytest.approx(math.sqrt(20 * 40), rel=0.01)


def test_a_noisy_stretch_with_several_roots_gives_its_middle_one():
    points = [
        point(10, 0.5, "baseline"),
        point(20, 1.01, None),
        point(30, 0.99, None),
        point(40, 1.01, None),
        point(80, 2, "contender"),
    ]
    (crossing,) = crossings(points)
    assert 20 < crossing.level < 30


def test_a_level_that_alone_speaks_for_its_variant_is_measured_again_first():
    once = [point(1, 0.9, "baseline", again=False), *(point(level, 1.5, "contender") for level in (6, 16, 40))]
    assert next_level(once) == 1
    twice = [point(1, 0.9, "baseline"), *once[1:]]
    assert next_level(twice) == 2
    dissolved = [point(1, 0.99, None), *once[1:]]
    assert next_level(dissolved) is None


def test_what_lies_within_the_margin_favours_nobody_even_if_its_interval_excludes_one():
    assert side(Verdict.TIE, Estimate(1.02, 1.01, 1.03, 4)) is None
    assert side(Verdict.LEAN, Estimate(1.06, 1.01, 1.1, 4)) == "contender"
    assert side(Verdict.LEAN, Estimate(0.94, 0.9, 0.99, 4)) == "baseline"
    assert side(Verdict.WIN, Estimate(2, 1.9, 2.1, 4)) == "contender"
    assert side(Verdict.LOSS, Estimate(0.5, 0.4, 0.6, 4)) == "baseline"
    assert side(Verdict.INVALID, Estimate(2, 1.9, 2.1, 4)) is None
    assert side(Verdict.INCONCLUSIVE, None) is None


# With noise


@pytest.mark.parametrize(("slope", "width"), [(1.0, 1.5), (0.5, 2.0), (0.25, 3.5)])
def test_the_interval_holds_a_noisy_crossing_and_is_as_narrow_as_the_slope_allows(slope: float, width: float):
    draw = random.Random(1)
    found = [crossings(noisy(lambda level: (level / 30) ** slope, draw)) for _ in range(200)]
    single = [each[0] for each in found if len(each) == 1]
    assert len(single) >= 195
    assert sum(crossing.low <= 30 <= crossing.high for crossing in single) >= 190
    widths = sorted(crossing.high / crossing.low for crossing in single)
    assert widths[len(widths) // 2] <= width


def test_curves_that_are_the_same_hardly_ever_seem_to_cross():
    draw = random.Random(2)
    assert sum(bool(crossings(noisy(lambda level: 1.0, draw))) for _ in range(400)) <= 4


def test_curves_that_coincide_and_then_part_seldom_seem_to_cross():
    draw = random.Random(3)
    assert sum(bool(crossings(noisy(lambda level: max(1.0, level / 40), draw))) for _ in range(400)) <= 24


# What theory says


def test_the_bounds_of_threads_and_tasks_part_at_the_number_of_threads():
    (workload,) = make_plan(discover(), RunOptions(workloads=["sleep"], variants=["sync", "async"])).workloads
    sync, task = workload.variants

    def equal(users: int) -> bool:
        ours, theirs = bound(workload, task, Level(users)), bound(workload, sync, Level(users))
        assert ours is not None
        assert theirs is not None
        return ours.rps == theirs.rps

    assert saturation(equal, 1, 256) == THREAD_TOKENS
    assert saturation(equal, 1, 30) is None
    assert saturation(equal, 64, 256) is None
