"""A blocking call outside of the handler: in a child task of a gather, and in a dependency."""

import asyncio
import time
from typing import Annotated

from fastapi import Depends

from bench_app.workload import Suffers, Workload

WAIT_S = 0.02

workload = Workload(
    name="hidden", question="Is a blocking call found where the handler does not make it?", wait_s=WAIT_S
)


def blocks(function: str) -> Suffers:
    """Return the label of a variant in which this function, and not the handler, blocks the loop."""
    return Suffers(high="loop blocked", low="loop blocked", function=function)


async def child() -> None:
    """Block the event loop in a task of its own."""
    await asyncio.sleep(0)
    time.sleep(WAIT_S)


async def dependency() -> bool:
    """Block the event loop before FastAPI calls the handler."""
    time.sleep(WAIT_S)
    return True


@workload.variant("blocking", name="gathered", against="gathered", suffers=blocks("child"))
async def gathered() -> dict[str, bool]:
    """Await a child task that blocks the event loop."""
    await asyncio.gather(child(), asyncio.sleep(0))
    return {"ok": True}


@workload.variant("blocking", name="depended", against="gathered", suffers=blocks("dependency"))
async def depended(ok: Annotated[bool, Depends(dependency)]) -> dict[str, bool]:
    """Answer after a dependency that blocked the event loop."""
    return {"ok": ok}
