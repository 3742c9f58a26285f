"""How figures are spelled: as many digits as one reads, and never a zero for what was not measured."""

import pytest

from harness.stats import figures
from harness.stats.estimate import Estimate


@pytest.mark.parametrize(
    ("value", "said"), [(1_234.4, "1,234"), (97.2, "97"), (8.44, "8.4"), (0.0, "0"), (None, "n/a")]
)
def test_a_count_has_two_or_more_digits(value: float | None, said: str):
    assert figures.count(value) == said


@pytest.mark.parametrize(
    ("value", "said"), [(1_290.0, "1,290"), (63.0, "63.0"), (8.31, "8.3"), (0.42, "0.42"), (None, "n/a")]
)
def test_a_duration_has_as_many_digits_as_it_needs(value: float | None, said: str):
    assert figures.duration_ms(value) == said


@pytest.mark.parametrize(("value", "said"), [(26.4, "26×"), (1.744, "1.74×"), (0.871, "0.87×"), (0.0237, "0.024×")])
def test_a_ratio_is_spelled_with_three_digits_or_less(value: float, said: str):
    assert figures.times(value) == said


def test_what_has_no_interval_says_so():
    single = Estimate(2.0, None, None, 1)
    assert figures.ratio(single) == "2.00×"
    assert figures.ratio_interval(single) == figures.interval(single) == figures.interval(None) == "n/a"
    assert figures.ratio_interval(Estimate(2.0, 1.9, 2.1, 5)) == "1.90 to 2.10×"


def test_microseconds_become_milliseconds_and_nothing_stays_nothing():
    assert figures.milliseconds(1_500) == 1.5
    assert figures.milliseconds(None) is None
