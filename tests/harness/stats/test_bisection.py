"""The search for a capacity, against servers that are no more than a threshold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.stats.bisection import MOST_PROBES, RESOLUTION, Bisection

LOWEST, HIGHEST = 0.1, 1_000_000.0


def found(threshold: float, guess: float, step: float = 1.5) -> tuple[float | None, int]:
    """What a search comes to where exactly the rates up to `threshold` are carried, and how often it asked."""
    bisection, asked = Bisection(guess, step, LOWEST, HIGHEST), 0
    while (rate := bisection.next_rps) is not None:
        bisection.tell(rate, rate <= threshold)
        asked += 1
    return bisection.capacity_rps, asked


@given(st.floats(1, 100_000), st.floats(0.1, 1_000_000), st.sampled_from([1.15, 1.5, 2.0]))
def test_any_threshold_is_found_from_any_guess(threshold: float, guess: float, step: float):
    capacity, asked = found(threshold, guess, step)
    assert asked <= MOST_PROBES
    assert capacity == pytest.approx(threshold, rel=RESOLUTION)


def test_a_good_guess_needs_few_probes():
    assert found(1_000, 1_020, 1.15)[1] <= 5
    assert found(1_000, 800, 1.5)[1] <= 7


def test_a_server_that_carries_nothing_has_no_capacity():
    assert found(0, 100)[0] is None


def test_a_server_that_carries_everything_has_the_highest_rate_there_is():
    assert found(float("inf"), 100)[0] == HIGHEST
