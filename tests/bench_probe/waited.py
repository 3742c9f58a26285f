"""An application whose requests wait in many kinds of places, and its wait profile, taken in this process."""

import asyncio
import queue
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

import anyio.to_thread
import httpx2
from fastapi import BackgroundTasks, Depends, FastAPI, Request
from fastapi.responses import StreamingResponse
from starlette.middleware.base import BaseHTTPMiddleware

from bench_probe.accounts import RequestAccounts
from bench_probe.application import Application
from bench_probe.wait_profile import WaitProfile
from tests.bench_probe.diagnosed import LOOPS

WAIT_S = 0.3
TURNS = 2

app = FastAPI()
state: dict[str, Any] = {}


async def passing(request: Request, call_next: Callable[[Request], Any]) -> Any:
    return await call_next(request)


app.add_middleware(BaseHTTPMiddleware, dispatch=passing)


async def child() -> None:
    await asyncio.sleep(WAIT_S)


@app.get("/tasks/awaited")
async def awaited() -> str:
    await child()
    return "ok"


@app.get("/tasks/gathered")
async def gathered() -> str:
    await asyncio.gather(child(), asyncio.sleep(0))
    return "ok"


@app.get("/tasks/grouped")
async def grouped() -> str:
    async with asyncio.TaskGroup() as group:
        group.create_task(child())
    return "ok"


@app.get("/tasks/anyio")
async def grouped_by_anyio() -> str:
    async with anyio.create_task_group() as group:
        group.start_soon(child)
    return "ok"


@app.get("/tasks/limited")
async def limited_in_time() -> str:
    await asyncio.wait_for(child(), 5)
    return "ok"


@app.get("/tasks/waited")
async def waited_for() -> str:
    await asyncio.wait([asyncio.create_task(child())])
    return "ok"


def wait() -> None:
    time.sleep(WAIT_S)


@app.get("/threads/handler", response_model=None)
def in_a_thread() -> str:
    wait()
    return "ok"


@app.get("/threads/asyncio")
async def in_asyncio() -> str:
    await asyncio.to_thread(wait)
    return "ok"


@app.get("/threads/executor")
async def in_an_executor() -> str:
    with ThreadPoolExecutor(1) as executor:
        await asyncio.get_running_loop().run_in_executor(executor, wait)
    return "ok"


@app.get("/threads/anyio")
async def in_anyio() -> str:
    await anyio.to_thread.run_sync(wait)
    return "ok"


@app.get("/threads/loop", response_model=None)
def in_a_loop_of_its_own() -> str:
    asyncio.run(child())
    return "ok"


async def pieces() -> AsyncIterator[bytes]:
    yield b"o"
    await asyncio.sleep(WAIT_S)
    yield b"k"


@app.get("/streams/loop")
async def streamed() -> StreamingResponse:
    return StreamingResponse(pieces())


def pieces_of_a_thread() -> Iterator[bytes]:
    yield b"o"
    time.sleep(WAIT_S)
    yield b"k"


@app.get("/streams/threads")
async def streamed_by_threads() -> StreamingResponse:
    return StreamingResponse(pieces_of_a_thread())


@app.get("/after/answer")
async def after_the_answer(tasks: BackgroundTasks) -> str:
    tasks.add_task(child)
    return "ok"


async def kept() -> AsyncIterator[None]:
    async with state["turns"]:
        yield


def kept_by_a_thread() -> Iterator[int]:
    tool = state["tools"].get()
    try:
        yield tool
    finally:
        state["tools"].put(tool)


@app.get("/places/kept")
async def wait_and_keep(_: Annotated[None, Depends(kept)]) -> str:
    await asyncio.sleep(WAIT_S)
    return "ok"


@app.get("/places/body")
async def wait_in_the_body() -> str:
    async with state["turns"]:
        await asyncio.sleep(WAIT_S)
    await asyncio.sleep(WAIT_S)
    return "ok"


@app.get("/places/lock", response_model=None)
def wait_for_a_lock() -> str:
    with lock:
        time.sleep(WAIT_S / 3)
    return "ok"


@app.get("/places/tools", response_model=None)
def wait_for_a_tool(_: Annotated[int, Depends(kept_by_a_thread)]) -> str:
    time.sleep(WAIT_S)
    return "ok"


class Connection:
    async def run(self) -> None:
        await asyncio.sleep(WAIT_S)


async def connection() -> AsyncIterator[Connection]:
    made = Connection()
    async with state["turns"]:
        yield made


@app.get("/places/used")
async def wait_and_use(held: Annotated[Connection, Depends(connection)]) -> str:
    await held.run()
    return "ok"


lock = threading.Lock()


def profile(path: str, *, loop: str = "asyncio", requests: int = 1, factory: Any = None) -> dict[str, Any]:
    """The totals of the wait profile, and of the accounts, after so many requests at once."""
    kept_accounts = RequestAccounts()

    async def live() -> dict[str, Any]:
        running = asyncio.get_running_loop()
        running.set_task_factory(factory)
        state["turns"] = asyncio.Semaphore(TURNS)
        state["tools"] = queue.Queue()
        for number in range(TURNS):
            state["tools"].put(number)
        waits = WaitProfile(kept_accounts, running, Application())
        with kept_accounts.kept(), waits.looking():
            transport = httpx2.ASGITransport(app=kept_accounts.middleware(app))
            async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:

                async def ask() -> None:
                    assert (await client.get(path, timeout=20)).status_code == 200

                # Each in a task of its own, as a server has them.
                await asyncio.gather(*(asyncio.create_task(ask()) for _ in range(requests)))
            told = {"accounts": kept_accounts.totals(), "pools": kept_accounts.pool_totals()}
            return (
                waits.totals()
                | told
                | {
                    "left": kept_accounts.left_behind(),
                    "not_watched": kept_accounts.not_watched,
                }
            )

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        return runner.run(live())
