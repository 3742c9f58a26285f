"""Where requests wait: the profile names the line, whatever library, task or thread waits there."""

import asyncio
import inspect
from collections import Counter
from typing import Any

import pytest

import bench_probe.wait_profile
from tests.bench_probe.diagnosed import LOOPS
from tests.bench_probe.waited import WAIT_S, profile


def seconds_by(told: dict[str, Any], *names: str) -> Counter[tuple[Any, ...]]:
    """The seconds of all sites, by some of their values."""
    found: Counter[tuple[Any, ...]] = Counter()
    for site in told["sites"]:
        found[tuple(site[name] for name in names)] += site["seconds"]
    return found


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(
    ("path", "function"),
    [
        ("/tasks/awaited", "child"),
        ("/tasks/gathered", "child"),
        ("/tasks/grouped", "child"),
        ("/tasks/anyio", "child"),
        ("/tasks/limited", "child"),
        ("/tasks/waited", "child"),
        ("/streams/loop", "pieces"),
    ],
)
def test_the_line_that_awaits_is_named_through_every_kind_of_child_task(loop: str, path: str, function: str):
    most, seconds = seconds_by(profile(path, loop=loop), "state", "function", "call").most_common(1)[0]
    assert most == ("await", function, "tasks.py:sleep")
    assert seconds == pytest.approx(WAIT_S, rel=0.5)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(
    ("path", "function", "pool"),
    [
        ("/threads/handler", "wait", "thread tokens"),
        ("/threads/anyio", "wait", "thread tokens"),
        ("/threads/asyncio", "wait", "asyncio's executor"),
        ("/threads/executor", "wait", "an executor of 1"),
        ("/streams/threads", "pieces_of_a_thread", "thread tokens"),
    ],
)
def test_the_line_at_which_a_thread_works_for_a_request_is_named_with_its_pool(
    loop: str, path: str, function: str, pool: str
):
    most, seconds = seconds_by(profile(path, loop=loop), "state", "function", "pool").most_common(1)[0]
    assert most == ("thread", function, pool)
    assert seconds == pytest.approx(WAIT_S, rel=0.5)


def test_a_request_that_waits_for_a_thread_waits_in_the_queue_of_its_pool():
    """Forty requests of 0.3 s on the threads of asyncio's executor, of which there are fewer."""
    told = profile("/threads/asyncio", requests=40)
    states = seconds_by(told, "state", "pool")
    assert states["queue", "asyncio's executor"] > states["thread", "asyncio's executor"]
    (pool,) = told["pools"]
    assert (pool["pool"], pool["hops"]) == ("asyncio's executor", 40)
    assert pool["queued"] > pool["served"] > 0


def test_a_thread_with_a_loop_of_its_own_is_named_by_the_line_that_runs_it():
    """What happens in the tasks of another loop is not seen, and harms nothing."""
    most, _ = seconds_by(profile("/threads/loop"), "state", "function").most_common(1)[0]
    assert most == ("thread", "in_a_loop_of_its_own")


def test_the_functions_on_the_way_to_the_line_are_told():
    told = profile("/tasks/awaited")
    assert {site["through"] for site in told["sites"] if site["function"] == "child"} == {"awaited"}


def test_work_after_the_answer_is_left_behind_and_is_no_part_of_the_request():
    told = profile("/after/answer", requests=5)
    account = told["accounts"]["/after/answer"]
    assert account["inside"] < 5 * WAIT_S * 1e9 / 2
    assert account["after"] > 5 * WAIT_S * 1e9 * 0.9
    assert told["left"] == {}


def test_many_requests_cost_no_more_than_some(monkeypatch: pytest.MonkeyPatch):
    """Only 8 of 100 are looked at, and stand for all of them."""
    monkeypatch.setattr(bench_probe.wait_profile, "MOST_LOOKED_AT", 8)
    told = profile("/tasks/awaited", requests=100)
    assert seconds_by(told, "function")["child",] == pytest.approx(100 * WAIT_S, rel=0.5)


def test_a_request_that_changes_while_it_is_looked_at_is_left_out_and_counted(monkeypatch: pytest.MonkeyPatch):
    def broken(task: asyncio.Task[Any]) -> Any:
        raise RuntimeError("coroutine changed")

    monkeypatch.setattr(bench_probe.wait_profile, "frames_of", broken)
    told = profile("/tasks/awaited")
    assert told["unseen"] > 0
    assert told["sites"] == []


def test_a_task_factory_of_the_application_makes_the_tasks_as_before():
    made = []

    def factory(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        made.append(asyncio.Task(coroutine, loop=loop, **options))
        return made[-1]

    told = profile("/tasks/gathered", factory=factory)
    assert len(made) > 1
    assert seconds_by(told, "function")["child",] > 0


def test_a_task_factory_that_refuses_our_steps_gets_the_coroutine_itself():
    def factory(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        if not inspect.iscoroutine(coroutine):
            raise TypeError("not a coroutine of Python's own")
        return asyncio.Task(coroutine, loop=loop, **options)

    told = profile("/tasks/gathered", factory=factory)
    assert "not a coroutine" in told["not_watched"]["steps"]
    assert seconds_by(told, "function")["child",] > 0


@pytest.mark.skipif(not hasattr(asyncio, "eager_task_factory"), reason="this Python has no eager tasks")
def test_eager_tasks_stay_eager_and_are_seen():
    told = profile("/tasks/gathered", factory=asyncio.eager_task_factory)  # type: ignore[attr-defined,unused-ignore]
    assert seconds_by(told, "function")["child",] > 0
