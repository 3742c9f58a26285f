import math
import random

from harness.stats.bootstrap import curve
from scenarios.wire.histogram import Distribution, Histogram


def block(draw: random.Random, shift: float, n: int = 2_000) -> Distribution:
    histogram = Histogram()
    for _ in range(n):
        histogram.record(round(10_000 * math.exp(shift + draw.gauss(0, 0.5))))
    return histogram.distribution()


def test_the_band_holds_the_true_percentile_where_blocks_differ_and_requests_are_many():
    """Each block is shifted as a whole: resampling requests instead would make the band far too narrow."""
    draw = random.Random(3)
    truth, held, sessions = 10_000 * math.exp(0), 0, 60
    for _ in range(sessions):
        found = curve([block(draw, draw.gauss(0, 0.1), n=300) for _ in range(12)], [50])
        held += found.lows_us[0] <= truth <= found.highs_us[0]
    assert held / sessions > 0.8


def test_the_curve_is_that_of_the_pooled_requests_and_its_band_holds_it():
    draw = random.Random(4)
    found = curve([block(draw, 0.0) for _ in range(5)], [50, 90, 99])
    assert all(
        low <= value <= high for low, value, high in zip(found.lows_us, found.values_us, found.highs_us, strict=True)
    )
    assert found.values_us[0] < found.values_us[1] < found.values_us[2]


def test_two_blocks_have_a_curve_and_no_band_and_none_have_neither():
    draw = random.Random(5)
    few = curve([block(draw, 0.0), block(draw, 0.1)], [50])
    assert (len(few.values_us), few.lows_us) == (1, ())
    assert curve([], [50]).values_us == ()
