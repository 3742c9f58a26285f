"""What a victim felt: its percentiles, which of them are lower bounds, and what several processes felt together."""

import pytest

from scenarios.wire.victim import Victim, VictimName, added_counts, merged_victims
from tests.rehearsal import distribution


def test_a_percentile_is_a_lower_bound_only_where_a_censored_probe_lies_below_it():
    victim = Victim(distribution([*[1_000] * 98, 50_000, 90_000]), censored=distribution([90_000]))
    assert not victim.is_lower_bound(50)
    assert not victim.is_lower_bound(98)
    assert victim.is_lower_bound(100)
    assert not Victim().is_lower_bound(99)


def test_merged_victims_hold_what_each_part_saw():
    one: dict[VictimName, Victim] = {
        "async_warm": Victim(distribution([1_000]), failures={"timeout": 1}, probes=((5, 1_000),))
    }
    other: dict[VictimName, Victim] = {
        "async_warm": Victim(distribution([2_000]), censored=distribution([2_000])),
        "async_cold": Victim(),
    }
    merged = merged_victims([one, other])
    assert merged["async_warm"].latency == distribution([1_000, 2_000])
    assert merged["async_warm"].censored.n == 1
    assert merged["async_warm"].failures == {"timeout": 1}
    assert merged["async_cold"].latency.n == 0


def test_a_victim_that_was_never_answered_has_no_percentile_that_is_known():
    assert Victim(failures={"refused": 20}).percentile_us(99) is None
    assert Victim(distribution([1_000])).percentile_us(99) == 1_000


def test_a_censored_probe_in_the_same_bin_as_the_percentile_makes_it_a_lower_bound():
    """A percentile is known to its bin, and here the two are a few microseconds apart."""
    assert Victim(distribution([50_000]), censored=distribution([50_003])).is_lower_bound(50)
    assert not Victim(distribution([50_000]), censored=distribution([60_000])).is_lower_bound(50)


@pytest.mark.parametrize(
    ("counts", "total"),
    [([], {}), ([{}, {"reset": 1}], {"reset": 1}), ([{"a": 1, "b": 2}, {"b": 3}], {"a": 1, "b": 5})],
)
def test_counts_are_added_key_by_key(counts: list[dict[str, int]], total: dict[str, int]):
    assert added_counts(counts) == total


def test_nothing_merges_to_nothing():
    assert merged_victims([]) == {}
