"""Places: who waits for what others hold, and where those stand that hold it."""

from typing import Any

import pytest

from tests.bench_probe.diagnosed import LOOPS
from tests.bench_probe.waited import TURNS, profile


def place(path: str, loop: str = "asyncio", requests: int = 8) -> dict[str, Any]:
    """The only place at which requests of this path wait for long."""
    told = profile(path, loop=loop, requests=requests)
    most = max(told["places"], key=lambda each: each["waiting"])
    assert isinstance(most, dict)
    return most


def holders(place: dict[str, Any]) -> float:
    """How many requests held what others waited for, on average."""
    return float(place["holding"] / place["contended"])


@pytest.mark.parametrize("loop", LOOPS)
def test_a_dependency_with_yield_keeps_its_turn_while_the_handler_waits(loop: str):
    found = place("/places/kept", loop)
    assert (found["function"], found["call"]) == ("kept", "locks.py:Semaphore.acquire")
    assert holders(found) == pytest.approx(TURNS, rel=0.3)
    assert found["holders"][0]["function"] == "wait_and_keep"
    assert found["used"] < 0.2 * found["holding"]


def test_a_connection_that_is_in_a_call_of_its_own_is_used():
    found = place("/places/used")
    assert found["holders"][0]["function"] == "run"
    assert found["used"] > 0.8 * found["holding"]


@pytest.mark.parametrize("loop", LOOPS)
def test_what_a_with_statement_holds_is_held_in_its_body_and_not_after_it(loop: str):
    found = place("/places/body", loop)
    assert holders(found) == pytest.approx(TURNS, rel=0.3)
    assert found["used"] > 0.8 * found["holding"]


def test_a_lock_without_a_frame_is_known_by_the_head_of_its_with_statement():
    found = place("/places/lock")
    assert (found["function"], found["source"], found["state"]) == ("wait_for_a_lock", "with lock:", "place")
    assert holders(found) == pytest.approx(1, abs=0.5)


def test_what_a_generator_took_in_a_thread_is_held_until_the_answer():
    found = place("/places/tools")
    assert found["function"] == "kept_by_a_thread"
    assert holders(found) == pytest.approx(TURNS, rel=0.4)
