import statistics
from itertools import islice, pairwise

import pytest

from scenarios.wire.arrivals import due_times


def test_a_constant_schedule_is_evenly_spaced_without_drift():
    times = list(islice(due_times("constant", 3.0, 1), 3_000_001))
    assert times[0] == 0
    assert times[1] == 333_333_333
    assert times[-1] == 1_000_000 * 1_000_000_000


def test_a_poisson_schedule_has_the_rate_and_the_spread_of_one():
    times = list(islice(due_times("poisson", 1_000.0, 1), 100_000))
    gaps = [after - before for before, after in pairwise(times)]
    assert statistics.fmean(gaps) == pytest.approx(1e6, rel=0.02)
    assert statistics.stdev(gaps) == pytest.approx(1e6, rel=0.02)


def test_the_seed_decides_a_poisson_schedule():
    def first(seed: int) -> list[int]:
        return list(islice(due_times("poisson", 10.0, seed), 20))

    assert first(1) == first(1)
    assert first(1) != first(2)
