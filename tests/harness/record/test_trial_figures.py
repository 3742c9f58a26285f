"""The figures of a trial, and the ratios of trials in the same block."""

from dataclasses import replace

import pytest

from harness.plan.level import Level
from harness.plan.plan import Trial
from harness.record.run import RecordedTrial
from harness.record.trial_figures import TrialFigures, block_ratios, figures_of, halves_differ
from scenarios.wire.histogram import Distribution
from scenarios.wire.protocol import Slice
from tests.rehearsal import result


def figures(block: int, rate: float, variant: str = "sync") -> TrialFigures:
    return figures_of(RecordedTrial(Trial(1, block, "root", variant, Level(64)), result(rate)))


def test_a_trial_has_a_throughput_and_the_percentiles_that_enough_requests_carry():
    found = figures(0, 500.0)
    assert found.value("throughput_rps") == 500.0
    assert found.value("p50_ms") == pytest.approx(128, rel=0.01)
    assert found.value("p99_ms") is None


def test_a_ratio_is_of_one_block_that_holds_both():
    baseline = [figures(0, 100.0), figures(1, 200.0), figures(2, 300.0)]
    contender = [figures(2, 600.0), figures(0, 150.0), figures(9, 1.0)]
    assert block_ratios(contender, baseline, "throughput_rps") == pytest.approx((2.0, 1.5))


def test_a_baseline_of_nothing_allows_no_ratio():
    assert block_ratios([figures(0, 100.0)], [figures(0, 0.0)], "throughput_rps") == ()


@pytest.mark.parametrize(
    ("counts", "differs"), [([1_000] * 4, 0.0), ([1_000, 1_000, 1_030, 1_000], 0.0), ([1_000] * 2 + [2_000] * 2, 1.0)]
)
def test_halves_differ_where_it_is_more_than_chance(counts: list[int], differs: float):
    slices = tuple(Slice(count, 0, Distribution()) for count in counts)
    assert halves_differ(replace(result(1_000.0, window_s=4.0), slices=slices)) == differs


def test_a_short_window_has_no_halves():
    assert halves_differ(result(1_000.0, window_s=1.0)) is None
