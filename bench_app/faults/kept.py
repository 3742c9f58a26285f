"""A dependency keeps one of few turns while the handler waits for something that does not need it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends

from bench_app.workload import Suffers, Workload

TURNS = 15
USE_S = 0.002
SLOW_S = 0.2

workload = Workload(name="kept", question="Is a pool that is too small told from one whose connections are kept?")
turns = asyncio.Semaphore(TURNS)


async def turn() -> AsyncIterator[None]:
    """Keep a turn until the answer is sent."""
    async with turns:
        yield


async def user(_: Annotated[None, Depends(turn)]) -> str:
    """Use the turn, briefly."""
    await asyncio.sleep(USE_S)
    return "user"


async def user_at_once() -> str:
    """Use a turn, and give it back."""
    async with turns:
        await asyncio.sleep(USE_S)
    return "user"


@workload.variant("async", name="kept", suffers=Suffers("kept too long", function="wait_with_it"))
async def wait_with_it(name: Annotated[str, Depends(user)]) -> dict[str, str]:
    """Wait for something slow, and keep the turn that a dependency needed for its own work."""
    await asyncio.sleep(SLOW_S)
    return {"name": name}


@workload.variant("async", name="given_back", against="kept", suffers=Suffers(low_tried=False))
async def wait_without_it(name: Annotated[str, Depends(user_at_once)]) -> dict[str, str]:
    """Wait for something slow after the turn was given back."""
    await asyncio.sleep(SLOW_S)
    return {"name": name}
