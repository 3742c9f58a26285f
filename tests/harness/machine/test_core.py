"""The speed of a core, taken in this process."""

import os

from harness.machine.core import core_speed_ms


def test_the_speed_of_a_core_is_a_time_and_leaves_the_process_where_it_was():
    before = os.sched_getaffinity(0)
    assert core_speed_ms([min(before)]) > 0
    assert core_speed_ms([]) > 0
    assert os.sched_getaffinity(0) == before
