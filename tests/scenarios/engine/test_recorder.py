"""What counts in a window: a success by its end and by its due time, a failure by any part of its life."""

import pytest

from scenarios.engine.recorder import Recorder
from tests.rehearsal import distribution


def recorder() -> Recorder:
    """A recorder of the window from 1 ms to 2 ms."""
    return Recorder(open_ns=1_000_000, close_ns=2_000_000)


def test_throughput_counts_by_the_end_and_latency_by_the_start():
    kept = recorder()
    kept.success(500_000, 1_500_000)  # sent before, ended inside
    kept.success(1_500_000, 2_500_000)  # sent inside, ended after
    kept.success(2_100_000, 2_200_000)  # after
    assert (kept.completed, kept.latency.n) == (1, 1)


def test_the_window_is_closed_at_its_beginning_and_open_at_its_end():
    kept = recorder()
    kept.success(1_000_000, 1_000_000)
    kept.success(2_000_000, 2_000_000)
    kept.drop(1_000_000)
    kept.drop(2_000_000)
    assert (kept.completed, kept.latency.n, kept.dropped) == (1, 1, 1)


def test_the_latency_of_an_open_loop_is_the_wait_before_the_sending_and_the_service_after():
    kept = recorder()
    kept.success_due(1_100_000, 1_400_000, 1_900_000)
    kept.success_due(900_000, 1_400_000, 1_900_000)  # due before the window, ended inside
    assert kept.completed == 2
    assert (kept.latency.sum_us, kept.service.sum_us, kept.send_lag.sum_us) == (800, 500, 300)
    assert kept.latency.n == kept.service.n == kept.send_lag.n == 1


@pytest.mark.parametrize(
    ("due_ns", "end_ns", "counts"),
    [
        (500_000, 999_999, 0),
        (500_000, 1_000_000, 1),
        (500_000, 9_000_000, 1),
        (1_999_999, 9_000_000, 1),
        (2_000_000, 9_000_000, 0),
    ],
    ids=["ended before", "ended as it opened", "lasted throughout", "due before it closed", "due as it closed"],
)
def test_a_failure_counts_if_any_part_of_its_life_is_inside(due_ns: int, end_ns: int, counts: int):
    kept = recorder()
    kept.failure("timeout", due_ns, end_ns)
    assert (kept.failed.n, kept.failures["timeout"]) == (counts, counts)
    assert kept.failed.sum_us == counts * ((end_ns - due_ns) // 1000)


def test_each_slice_holds_what_came_since_the_last_and_together_they_are_the_whole():
    kept = recorder()
    kept.success(1_000_000, 1_100_000)
    kept.failure("reset", 1_000_000, 1_200_000)
    kept.roll()
    kept.roll()
    kept.success(1_300_000, 1_500_000)
    kept.success(1_300_000, 1_600_000)
    kept.roll()
    kept.success(1_700_000, 1_704_000)
    first, empty, last = kept.slices()
    assert [(each.completed, each.failed) for each in (first, empty, last)] == [(1, 1), (0, 0), (2, 0)]
    assert (first.latency, last.latency) == (distribution([100]), distribution([200, 300]))
    assert empty.latency.n == 0
    assert kept.total_latency() == distribution([100, 200, 300, 4])


def test_a_reset_forgets_every_count_and_keeps_the_window():
    kept = recorder()
    kept.success(1_000_000, 1_100_000)
    kept.answered, kept.lost = 3, 2
    assert kept.sent == 5
    kept.roll()
    kept.reset()
    assert (kept.sent, kept.completed, kept.slices(), kept.total_latency().n) == (0, 0, (), 0)
    assert (kept.open_ns, kept.close_ns) == (1_000_000, 2_000_000)
