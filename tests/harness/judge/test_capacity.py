from pathlib import Path

import pytest

from harness.exceptions import BadInputError
from harness.judge.capacity import FILE, Probe, VariantCapacity, read_capacities


def searched(*found_rps: float | None, probes: tuple[Probe, ...] = ()) -> VariantCapacity:
    return VariantCapacity("async", "async", "sync", (), probes, found_rps)


def probe(repeat: int, rate_rps: float, broken: str | None, client_cpu: float = 0.2) -> Probe:
    return Probe(repeat, rate_rps, rate_rps, 20.0, 1.0, 1_000, client_cpu, broken)


def test_a_capacity_is_the_geometric_mean_of_its_repeats():
    estimate = searched(400.0, 900.0).estimate
    assert estimate is not None
    assert estimate.value == pytest.approx(600.0)


def test_a_repeat_in_which_no_rate_met_the_objective_leaves_no_capacity():
    assert searched(400.0, None).estimate is None
    assert searched(400.0, None).unmet


def test_what_breaks_is_said_of_the_lowest_rate_that_missed_in_the_last_repeat():
    probes = (
        probe(1, 50.0, "first repeat"),
        probe(2, 300.0, "p99 90 ms"),
        probe(2, 200.0, "p99 60 ms"),
        probe(2, 100.0, None),
    )
    assert searched(90.0, 100.0, probes=probes).breaks == "p99 60 ms"
    assert searched(90.0, 100.0).breaks is None


def test_only_a_missed_objective_on_a_full_client_is_put_down_to_the_client():
    assert searched(1.0, probes=(probe(1, 9.0, "late", client_cpu=0.95),)).client_limited
    assert not searched(1.0, probes=(probe(1, 9.0, None, client_cpu=0.95),)).client_limited
    assert not searched(1.0, probes=(probe(1, 9.0, "late", client_cpu=0.5),)).client_limited


def test_a_damaged_search_is_refused_in_a_sentence(tmp_path: Path):
    (tmp_path / FILE).write_text('{"schema": 1}')
    with pytest.raises(BadInputError, match="search again"):
        read_capacities(tmp_path)
