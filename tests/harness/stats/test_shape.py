"""How replicates follow each other, and how far the oddest one lies out."""

import pytest

from harness.stats.shape import autocorrelation, farthest


def test_values_that_alternate_follow_each_other_negatively_and_a_slope_positively():
    alternating, slope = autocorrelation([1.0, -1.0] * 10), autocorrelation([float(n) for n in range(20)])
    assert alternating == pytest.approx(-0.95)
    assert slope is not None
    assert slope > 0.8


def test_one_odd_value_is_as_far_as_it_lies_from_the_others():
    far = farthest([1.0, 1.1, 0.9, 1.0, 1.1, 0.9, 5.0])
    assert far is not None
    assert far > 20


@pytest.mark.parametrize("values", [[], [1.0] * 5, [1.0] * 8])
def test_too_few_values_or_equal_ones_have_no_shape(values: list[float]):
    assert autocorrelation(values) is None
    assert farthest(values) is None
