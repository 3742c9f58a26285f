"""The accounts of a diagnosed application: where the time of a request goes, and which line holds the loop."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio.to_thread
import httpx2
import pytest
import uvloop
from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from starlette.middleware.base import BaseHTTPMiddleware

from bench_probe.accounts import RequestAccounts
from bench_probe.loop_stacks import LoopStacks

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
WAIT_S = 0.1

app = FastAPI()


async def passing(request: Request, call_next: Callable[[Request], Awaitable[Any]]) -> Any:
    return await call_next(request)


app.add_middleware(BaseHTTPMiddleware, dispatch=passing)


@app.get("/blocks/directly")
async def blocks_directly() -> str:
    time.sleep(WAIT_S)
    return "ok"


async def blocking_child() -> None:
    await asyncio.sleep(0)
    time.sleep(WAIT_S)


@app.get("/blocks/gathered")
async def blocks_in_a_gather() -> str:
    await asyncio.gather(blocking_child(), asyncio.sleep(0))
    return "ok"


@app.get("/awaits/only")
async def awaits() -> str:
    await asyncio.sleep(WAIT_S)
    return "ok"


# With a model of the answer there would be a second hop, to validate it.
@app.get("/threads/only", response_model=None)
def in_a_thread() -> str:
    time.sleep(WAIT_S)
    return "ok"


@app.get("/computes/only")
async def computes() -> int:
    end, count = time.perf_counter() + WAIT_S, 0
    while time.perf_counter() < end:
        count += 1
    return count


ROWS = [{"id": number, "name": f"item {number}"} for number in range(20_000)]


@app.get("/lists/returned", response_model=None)
async def returns_a_list() -> object:
    return ROWS


@app.get("/lists/encoded", response_model=None)
async def encodes_a_list() -> int:
    return len(jsonable_encoder(ROWS))


def accounts(
    path: str, *, loop: str = "asyncio", requests: int = 1, threads: int = 40, stamp: bool = False
) -> tuple[dict[str, int], dict[str, Any]]:
    """The account of `path` after so many requests at once, and what the stacks saw."""
    kept = RequestAccounts()

    async def live() -> tuple[dict[str, int], dict[str, Any]]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = threads
        stacks = LoopStacks(kept, threading.get_ident())
        with kept.kept(), stacks.sampling():
            transport = httpx2.ASGITransport(app=kept.middleware(app))
            async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:

                async def ask() -> None:
                    headers = {"x-sent": str(time.monotonic_ns() - 5_000_000)} if stamp else {}
                    assert (await client.get(path, headers=headers)).status_code == 200

                # Each in a task of its own, as a server has them.
                await asyncio.gather(*(asyncio.create_task(ask()) for _ in range(requests)))
            return kept.totals()[path], stacks.totals()

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        return runner.run(live())


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(
    ("path", "function"), [("/blocks/directly", "blocks_directly"), ("/blocks/gathered", "blocking_child")]
)
def test_the_line_that_blocks_is_the_applications_own(path: str, function: str, loop: str):
    """Through a middleware, inside a child of a gather, on either loop."""
    account, stacks = accounts(path, loop=loop)
    site = stacks["sites"][0]
    assert (site["route"], site["function"], site["source"]) == (path, function, "time.sleep(WAIT_S)")
    assert site["file"] == str(Path(__file__).relative_to(Path(__file__).parents[2]))
    assert account["long_stepping"] > 0.9 * WAIT_S * 1e9


def test_the_making_of_an_answer_is_told_from_what_the_handler_does():
    """There is a middleware of the application's further out on the same stack."""
    _, made_by_fastapi = accounts("/lists/returned")
    _, made_by_handler = accounts("/lists/encoded")
    assert made_by_fastapi["sites"][0]["serialising"]
    assert not made_by_handler["sites"][0]["serialising"]
    assert made_by_handler["sites"][0]["function"] == "encodes_a_list"


@pytest.mark.usefixtures("quiet")
def test_to_wait_on_the_loop_and_to_compute_there_are_told_apart():
    waits, _ = accounts("/blocks/directly")
    computes, _ = accounts("/computes/only")
    assert waits["long_computing"] < 0.2 * waits["long_stepping"]
    assert computes["long_computing"] > 0.7 * computes["long_stepping"]


def test_who_awaits_holds_nothing():
    account, stacks = accounts("/awaits/only")
    assert account["long_steps"] == 0
    assert not [site for site in stacks["sites"] if site["function"] == "awaits"]


@pytest.mark.usefixtures("quiet")
def test_a_hop_is_split_into_queue_service_and_return():
    """Four requests on two threads: two of them wait for one service time."""
    account, _ = accounts("/threads/only", requests=4, threads=2)
    assert account["hops"] == 4
    assert account["served"] == pytest.approx(4 * WAIT_S * 1e9, rel=0.15)
    assert account["queued"] == pytest.approx(2 * WAIT_S * 1e9, rel=0.25)


def test_a_stamped_request_tells_how_long_nobody_looked():
    account, _ = accounts("/awaits/only", stamp=True)
    assert account["stamped"] == 1
    assert account["pre"] > 5_000_000


def test_the_accounts_leave_everything_as_it_was():
    run_sync = anyio.to_thread.run_sync
    accounts("/threads/only")
    assert anyio.to_thread.run_sync is run_sync
