"""The account of a request's latency: the parts are measured apart, and what does not add up is the residual."""

import pytest

from harness.causes.account import LatencyAccount


def test_parts_that_add_up_leave_no_residual():
    assert LatencyAccount(latency=0.1, before=0.01, inside=0.08, back=0.01).residual == pytest.approx(0.0)


@pytest.mark.parametrize(("inside", "residual"), [(0.06, 0.2), (0.1, -0.2)])
def test_what_is_missing_is_positive_and_what_is_too_much_is_negative(inside: float, residual: float):
    assert LatencyAccount(latency=0.1, before=0.01, inside=inside, back=0.01).residual == pytest.approx(residual)
