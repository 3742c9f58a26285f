"""Objectives: how they are written, and when a trial meets one."""

import pytest

from harness.exceptions import BadInputError
from harness.judge.objective import Objective, parse_objective
from tests.rehearsal import distribution, result


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("p99<250ms", Objective(99, 250)),
        ("p99.9 < 1s", Objective(99.9, 1000)),
        ("P50<=800us", Objective(50, 0.8)),
    ],
)
def test_an_objective_is_written_as_one_says_it(text: str, expected: Objective):
    assert parse_objective(text) == expected


@pytest.mark.parametrize(
    "text", ["", "p99", "250ms", "p99>250ms", "p100<1s", "p0<1s", "p99<0ms", "p99<250", "p99<1e3ms"]
)
def test_what_is_no_objective_is_refused_with_a_sentence(text: str):
    with pytest.raises(BadInputError, match="--slo"):
        parse_objective(text)


def test_a_trial_within_the_limit_meets_it():
    assert parse_objective("p99<20ms").broken_by(result(1000, 10), 1000) is None


def test_a_trial_beyond_the_limit_says_by_how_much():
    assert parse_objective("p99<5ms").broken_by(result(1000, 10), 1000) == "p99 was 10 ms"


def test_failures_count_as_slower_than_anything():
    objective = parse_objective("p99<20ms")
    assert objective.broken_by(result(1000, 10, failures={"reset": 5}), 1000) is None
    broken = objective.broken_by(result(1000, 10, failures={"reset": 20}), 1000)
    assert broken is not None
    assert "reset" in broken


def test_a_percentile_among_failures_is_taken_over_all_that_was_due():
    # Of 100, 80 took 1 ms, 19 took 9 ms and one failed: the 99th of 100 is the last of the nines.
    mixed = result(99, 1, latency=distribution([1_000] * 80 + [9_000] * 19), failures={"reset": 1})
    assert parse_objective("p99<10ms").observed_ms(mixed) == pytest.approx(9, rel=0.01)
    assert parse_objective("p99.5<10ms").observed_ms(mixed) is None


def test_a_server_that_falls_behind_does_not_meet_a_generous_limit():
    broken = parse_objective("p99<60s").broken_by(result(500, 10), 1000)
    assert broken == "only 500 of 1,000 req/s were answered"
