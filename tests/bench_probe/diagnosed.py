"""An application that is diagnosed in this process: handlers that block, await, compute and answer at length."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

import anyio.to_thread
import httpx2
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
