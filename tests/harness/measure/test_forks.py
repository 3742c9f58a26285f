"""Work in forks: the same results in the same order, and nothing left running."""

import os

import psutil
import pytest

from harness.measure.forks import in_forks


def test_the_results_come_in_the_order_of_the_items():
    seen = in_forks(lambda number: (number * number, os.getpid()), range(20))
    assert [square for square, _ in seen] == [number * number for number in range(20)]
    assert not psutil.Process().children()


def test_few_items_are_done_here():
    assert set(in_forks(lambda _: os.getpid(), range(3))) == {os.getpid()}


def test_what_goes_wrong_in_a_fork_goes_wrong_here():
    with pytest.raises(ZeroDivisionError):
        in_forks(lambda number: 1 // (number - 7), range(20))
    assert not psutil.Process().children()
