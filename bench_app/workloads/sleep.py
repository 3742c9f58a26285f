"""A declared wait and nothing else. The answers are arithmetic, so this workload also calibrates the instrument."""

import asyncio
import time

from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel

from bench_app.workload import Claim, Workload

WAIT_S = 0.02


class Slept(BaseModel):
    """How long the handler waited, in seconds."""

    slept_s: float


workload = Workload(
    name="sleep",
    question="Who can wait for many things at once, and who makes everyone else wait?",
    wait_s=WAIT_S,
    claims=(
        Claim(
            sentence="Async routes suit I/O waits.",
            source="the guide; with more users than threads it is arithmetic, so it calibrates rather than proves",
            baseline="sync",
            contender="async",
            expect="WIN",
        ),
        Claim(
            sentence="A blocking call in an async def stalls everyone.",
            source="the field",
            baseline="sync",
            contender="blocking",
            expect="LOSS",
        ),
    ),
)


@workload.variant("sync")
def sleep_sync() -> Slept:
    """Holds one of the worker threads for the whole wait."""
    time.sleep(WAIT_S)
    return Slept(slept_s=WAIT_S)


@workload.variant("async")
async def sleep_async() -> Slept:
    """Gives the event loop back while it waits."""
    await asyncio.sleep(WAIT_S)
    return Slept(slept_s=WAIT_S)


@workload.variant("blocking")
async def sleep_blocking() -> Slept:
    """The trap: waits on the event loop itself, so nobody else is served meanwhile."""
    time.sleep(WAIT_S)
    return Slept(slept_s=WAIT_S)


@workload.variant("offload")
async def sleep_offload() -> Slept:
    """Hands the blocking wait to the same thread pool that def handlers use."""
    await run_in_threadpool(time.sleep, WAIT_S)
    return Slept(slept_s=WAIT_S)
