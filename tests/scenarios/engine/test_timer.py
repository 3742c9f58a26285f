"""The timer on gevent's hub: when it calls back, and when it does not."""

import sys
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import gevent
import pytest

from scenarios.engine.connection import now_ns
from scenarios.engine.timer import Timer

MS = 1_000_000
MakeTimer = Callable[[Callable[[], None]], Timer]


@pytest.fixture(params=["linux", "another system"])
def make(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeTimer]:
    """Makes timers by Linux's timer descriptors, and by the hub's own timers, which other systems use."""
    if request.param == "linux" and sys.platform != "linux":
        pytest.skip("timer descriptors are Linux's")
    monkeypatch.setattr("scenarios.engine.timer.sys", SimpleNamespace(platform=request.param))
    made: list[Timer] = []

    def call(callback: Callable[[], None]) -> Timer:
        made.append(Timer(callback))
        return made[-1]

    yield call
    for timer in made:
        timer.close()


def wait_for(fired: list[int], times: int) -> None:
    """Let the hub run until the timer has called back so many times."""
    with gevent.Timeout(5):
        while len(fired) < times:
            gevent.sleep(0.001)


def test_it_calls_back_once_at_its_time_and_not_before(make: MakeTimer):
    fired: list[int] = []
    timer = make(lambda: fired.append(now_ns()))
    gevent.sleep(0)
    due_ns = now_ns() + 20 * MS
    timer.set(due_ns)
    wait_for(fired, 1)
    # The hub's own timers count in milliseconds, from when the hub last looked at the clock.
    assert fired[0] >= due_ns - 2 * MS
    gevent.sleep(0.03)
    assert len(fired) == 1


@pytest.mark.parametrize("moment_ns", [0, 1])
def test_a_time_that_is_past_calls_back_at_once(make: MakeTimer, moment_ns: int):
    fired: list[int] = []
    make(lambda: fired.append(now_ns())).set(moment_ns)
    wait_for(fired, 1)


def test_a_new_time_replaces_the_one_before(make: MakeTimer):
    fired: list[int] = []
    timer = make(lambda: fired.append(now_ns()))
    timer.set(now_ns() + 10 * MS)
    timer.set(now_ns() + 10_000 * MS)
    gevent.sleep(0.03)
    assert fired == []
    timer.set(now_ns())
    wait_for(fired, 1)


def test_it_can_be_set_again_from_its_own_callback(make: MakeTimer):
    fired: list[int] = []

    def again() -> None:
        fired.append(now_ns())
        if len(fired) < 3:
            timer.set(now_ns() + MS)

    timer = make(again)
    timer.set(now_ns())
    wait_for(fired, 3)


def test_a_timer_that_is_closed_never_calls_back(make: MakeTimer):
    fired: list[int] = []
    timer = make(lambda: fired.append(now_ns()))
    timer.set(now_ns() + 5 * MS)
    timer.close()
    timer.close()
    gevent.sleep(0.02)
    assert fired == []
