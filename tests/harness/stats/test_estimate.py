import math
import random
from collections.abc import Callable

import pytest

from harness.judge.guards import AUTOCORRELATION_WARN, FAR_WARN
from harness.judge.verdict import Verdict, verdict
from harness.stats.estimate import Estimate, detectable, expected_half_width, geometric_mean, independent_ratio, ratio
from harness.stats.shape import autocorrelation, farthest


def test_the_geometric_mean_of_known_values():
    estimate = geometric_mean([1.0, 2.0, 4.0])
    assert estimate is not None
    assert estimate.value == pytest.approx(2.0)
    # s = ln 2, t(0.975, 2) = 4.302653
    half_width = 4.302653 * math.log(2) / math.sqrt(3)
    assert estimate.high == pytest.approx(2.0 * math.exp(half_width), rel=1e-6)
    assert estimate.low == pytest.approx(2.0 * math.exp(-half_width), rel=1e-6)


def test_a_ratio_pairs_within_blocks_so_that_a_drift_of_both_cancels():
    estimate = ratio([200.0, 100.0, 50.0], [100.0, 50.0, 25.0])
    assert estimate is not None
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx((2.0, 2.0, 2.0))
    assert estimate.n == 3


def test_one_replicate_has_no_interval():
    single = geometric_mean([5.0])
    assert single is not None
    assert (single.low, single.high, single.n) == (None, None, 1)
    assert single.value == pytest.approx(5.0)


def test_nothing_and_zero_have_no_estimate():
    assert geometric_mean([]) is None
    assert geometric_mean([1.0, 0.0]) is None
    assert ratio([1.0], [0.0]) is None
    assert ratio([], []) is None


def test_the_interval_covers_the_truth_as_often_as_it_says():
    draw = random.Random(5)
    sessions, covered = 2_000, 0
    for _ in range(sessions):
        estimate = ratio(
            [math.exp(draw.gauss(7, 0.05)) for _ in range(6)], [math.exp(draw.gauss(7, 0.05)) for _ in range(6)]
        )
        assert estimate is not None
        assert estimate.low is not None
        assert estimate.high is not None
        covered += estimate.low <= 1 <= estimate.high
    assert 0.93 <= covered / sessions <= 0.97


def null_session(draw: random.Random, blocks: int = 10, spread: float = 0.05) -> Estimate:
    """Two variants that are the same, in blocks that share a drift."""
    drift = [draw.gauss(0, 0.1) for _ in range(blocks)]
    a, b = ([1000 * math.exp(shift + draw.gauss(0, spread)) for shift in drift] for _ in range(2))
    estimate = ratio(a, b)
    assert estimate is not None
    return estimate


def test_of_2000_null_sessions_the_interval_covers_the_truth_as_often_as_it_says():
    draw = random.Random(4)
    found = [null_session(draw) for _ in range(2_000)]
    covered = sum(estimate.low <= 1 <= estimate.high for estimate in found if estimate.low and estimate.high)
    assert 0.92 <= covered / len(found) <= 0.97
    judged = [verdict(estimate, margin=0.05, valid=True) for estimate in found]
    assert sum(each in (Verdict.WIN, Verdict.LOSS) for each in judged) <= 0.005 * len(found)


def test_the_expected_half_width_is_what_sessions_show():
    draw = random.Random(5)
    widths = sorted(math.sqrt((e.high or 0) / (e.low or 1)) - 1 for e in (null_session(draw) for _ in range(500)))
    expected = expected_half_width(10, math.sqrt(2) * 0.05)
    assert expected is not None
    assert widths[len(widths) // 2] == pytest.approx(expected, rel=0.1)
    assert expected_half_width(1, 0.05) is None


def test_runs_without_common_blocks_are_compared_by_welchs_interval():
    draw = random.Random(6)
    covered = 0
    for _ in range(1_000):
        a = [1100 * math.exp(draw.gauss(0, 0.02)) for _ in range(5)]
        b = [1000 * math.exp(draw.gauss(0, 0.08)) for _ in range(8)]
        estimate = independent_ratio(a, b)
        assert estimate is not None
        assert estimate.low is not None
        assert estimate.high is not None
        covered += estimate.low <= 1.1 <= estimate.high
    assert 0.92 <= covered / 1_000 <= 0.98
    single = independent_ratio([2.0], [1.0, 1.0])
    assert single is not None
    assert single.value == pytest.approx(2)
    assert single.low is None
    assert independent_ratio([], [1.0]) is None


def following(draw: random.Random, n: int, share: float) -> list[float]:
    """n values of which each keeps this share of the one before it: an AR(1) process."""
    values = [draw.gauss(0, 1)]
    while len(values) < n:
        values.append(share * values[-1] + math.sqrt(1 - share**2) * draw.gauss(0, 1))
    return values


def warned(sessions: list[list[float]], statistic: Callable[[list[float]], float | None], limit: float) -> float:
    return sum((statistic(session) or 0) > limit for session in sessions) / len(sessions)


def test_autocorrelated_sessions_show_the_warning_and_independent_ones_seldom_do():
    draw = random.Random(7)
    dependent = [following(draw, 20, 0.8) for _ in range(500)]
    independent = [following(draw, 20, 0.0) for _ in range(500)]
    assert warned(dependent, autocorrelation, AUTOCORRELATION_WARN) > 0.85
    assert warned(independent, autocorrelation, AUTOCORRELATION_WARN) < 0.1


def test_heavy_tailed_sessions_show_the_warning_and_normal_ones_seldom_do():
    draw = random.Random(8)
    # Cauchy: the ratio of two normal values has no variance at all.
    heavy = [[draw.gauss(0, 1) / draw.gauss(0, 1) for _ in range(20)] for _ in range(500)]
    normal = [[draw.gauss(0, 1) for _ in range(20)] for _ in range(500)]
    assert warned(heavy, farthest, FAR_WARN) > 0.8
    assert warned(normal, farthest, FAR_WARN) < 0.05


def test_of_few_or_equal_blocks_nothing_is_said():
    assert autocorrelation([1.0, 2.0, 3.0]) is None
    assert autocorrelation([1.0] * 8) is None
    assert farthest([1.0, 2.0]) is None
    assert farthest([1.0] * 8) is None


def test_the_smallest_detectable_difference_is_detected_as_often_as_it_says():
    draw = random.Random(9)
    smallest = detectable(0.05, 10, power=0.8)
    assert smallest is not None
    found = 0
    for _ in range(1_000):
        estimate = geometric_mean([(1 + smallest) * math.exp(draw.gauss(0, 0.05)) for _ in range(10)])
        assert estimate is not None
        assert estimate.low is not None
        found += estimate.low > 1
    assert found / 1_000 == pytest.approx(0.8, abs=0.04)
