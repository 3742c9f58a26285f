import math
import random

import pytest

from harness.stats import Estimate, geometric_mean, ratio


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
    assert estimate == Estimate(pytest.approx(2.0), pytest.approx(2.0), pytest.approx(2.0), 3)


def test_one_replicate_has_no_interval():
    assert geometric_mean([5.0]) == Estimate(pytest.approx(5.0), None, None, 1)


def test_nothing_and_zero_have_no_estimate():
    assert geometric_mean([]) is None
    assert geometric_mean([1.0, 0.0]) is None
    assert ratio([1.0], [0.0]) is None
    assert ratio([], []) is None


def test_the_interval_covers_the_truth_as_often_as_it_says():
    draw = random.Random(5)
    sessions, covered = 2_000, 0
    for _ in range(sessions):
        estimate = ratio(*([math.exp(draw.gauss(7, 0.05)) for _ in range(6)] for _ in range(2)))
        assert estimate is not None
        assert estimate.low is not None
        assert estimate.high is not None
        covered += estimate.low <= 1 <= estimate.high
    assert 0.93 <= covered / sessions <= 0.97
