import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.wire.histogram import BINS, MAX_US, Distribution, Histogram, bin_of, edges_us, merge
from tests.rehearsal import distribution

latencies = st.integers(min_value=0, max_value=MAX_US)


@given(latencies)
def test_every_latency_lies_within_the_edges_of_its_bin(latency_us: int):
    low, high = edges_us(bin_of(latency_us))
    assert low <= latency_us < high


@given(latencies)
def test_a_bin_is_no_wider_than_one_part_in_128(latency_us: int):
    low, high = edges_us(bin_of(latency_us))
    assert high - low <= max(1, low / 128)


def test_the_bins_cover_everything_without_gap_or_overlap():
    assert edges_us(0)[0] == 0
    assert all(edges_us(index)[1] == edges_us(index + 1)[0] for index in range(BINS - 1))
    assert bin_of(MAX_US) == BINS - 1


@given(st.lists(latencies, min_size=1))
def test_recording_counts_as_the_formula_says_and_keeps_exact_sum_and_extremes(values: list[int]):
    recorded = distribution(values)
    assert (recorded.n, recorded.sum_us) == (len(values), sum(values))
    assert (recorded.min_us, recorded.max_us) == (min(values), max(values))
    expected = sorted({bin_of(value) for value in values})
    assert [index for index, _ in recorded.bins] == expected


@given(st.lists(latencies), st.lists(latencies))
def test_merging_is_the_same_as_recording_together(some: list[int], others: list[int]):
    assert merge([distribution(some), distribution(others)]) == distribution([*some, *others])


def test_what_is_longer_than_the_last_bin_is_counted_there():
    histogram = Histogram()
    histogram.record(MAX_US + 5_000)
    assert histogram.distribution().bins == ((BINS - 1, 1),)
    assert histogram.distribution().max_us == MAX_US + 5_000


@pytest.mark.parametrize("percent", [50, 95, 99, 99.9])
def test_percentiles_are_within_one_bin_of_the_exact_ones(percent: float):
    draw = random.Random(1)
    values = [int(draw.lognormvariate(9, 1)) for _ in range(50_000)]
    exact = float(np.percentile(values, percent))
    assert distribution(values).percentile_us(percent) == pytest.approx(exact, rel=0.008)


def test_a_percentile_stays_within_the_exact_extremes():
    assert distribution([1_003]).percentile_us(1) == 1_003
    assert distribution([1_003]).percentile_us(99.9) == 1_003


def test_there_is_no_percentile_of_nothing():
    assert Distribution().percentile_us(99) is None
    assert Distribution().mean_us is None


def test_the_p999_of_a_million_requests_is_within_a_bin_of_the_exact_one():
    draw = np.random.default_rng(4)
    latencies_us = np.rint(np.exp(draw.normal(9, 1.2, 1_000_000))).astype(int)
    histogram = Histogram()
    for latency_us in latencies_us.tolist():
        histogram.record(latency_us)
    for percent in (50, 99, 99.9):
        exact = float(np.percentile(latencies_us, percent, method="inverted_cdf"))
        assert histogram.distribution().percentile_us(percent) == pytest.approx(exact, rel=0.008)
