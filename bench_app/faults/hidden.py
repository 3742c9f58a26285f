"""A blocking call far below the handler: in a child task of a gather, in a library's callback, behind a dependency."""

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
    """Return the label of a variant in which this function blocks the loop, far below the handler."""
    return Suffers(high=("loop blocked",), low=("loop blocked",), function=function)


async def child() -> None:
    """Blocks the loop in a task of its own."""
    await asyncio.sleep(0)
    time.sleep(WAIT_S)


async def dependency() -> bool:
    """Blocks the loop before the handler is called."""
    time.sleep(WAIT_S)
    return True


@workload.variant("blocking", name="gathered", against="gathered", suffers=blocks("child"))
async def gathered() -> dict[str, bool]:
    """Waits for a child that blocks."""
    await asyncio.gather(child(), asyncio.sleep(0))
    return {"ok": True}


@workload.variant("blocking", name="depended", against="gathered", suffers=blocks("dependency"))
async def depended(ok: Annotated[bool, Depends(dependency)]) -> dict[str, bool]:
    """Is called after a dependency that blocks."""
    return {"ok": ok}
