"""A declared wait and nothing else. Arithmetic predicts the results, so it also calibrates the instrument."""

import asyncio
import time

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel

from bench_app.resources import resources_of
from bench_app.settings import WAIT_S
from bench_app.workload import Claim, Suffers, Workload


class Slept(BaseModel):
    """The wait of the handler, in seconds."""

    slept_s: float


workload = Workload(
    name="sleep",
    question="Who can wait for many things at once, and who makes everyone else wait?",
    wait_s=WAIT_S,
    adjustable=True,
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


@workload.variant("sync", suffers=Suffers("thread limit"))
def sleep_sync(request: Request) -> Slept:
    """Hold one of the worker threads for the whole wait."""
    wait_s = resources_of(request).settings.wait_s
    time.sleep(wait_s)
    return Slept(slept_s=wait_s)


@workload.variant("async", suffers=Suffers())
async def sleep_async(request: Request) -> Slept:
    """Release the event loop while waiting."""
    wait_s = resources_of(request).settings.wait_s
    await asyncio.sleep(wait_s)
    return Slept(slept_s=wait_s)


@workload.variant("blocking", suffers=Suffers("loop blocked", "loop blocked", "sleep_blocking"))
async def sleep_blocking(request: Request) -> Slept:
    """Block the event loop while waiting (the trap), so that the server answers no other request meanwhile."""
    wait_s = resources_of(request).settings.wait_s
    time.sleep(wait_s)
    return Slept(slept_s=wait_s)


@workload.variant("offload", suffers=Suffers("thread limit"))
async def sleep_offload(request: Request) -> Slept:
    """Hand the blocking wait to the thread pool that def handlers use."""
    wait_s = resources_of(request).settings.wait_s
    await run_in_threadpool(time.sleep, wait_s)
    return Slept(slept_s=wait_s)
