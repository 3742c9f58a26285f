"""A handler and the same with 15 % more to wait: a difference that must not be missed."""

import asyncio

from bench_app.workload import Workload

WAIT_S = 0.04

workload = Workload(name="slower", question="Is a delay of 15 % seen?", wait_s=WAIT_S)


@workload.variant("async")
async def wait() -> dict[str, bool]:
    """Waits as declared."""
    await asyncio.sleep(WAIT_S)
    return {"ok": True}


@workload.variant("async", name="delayed")
async def wait_longer() -> dict[str, bool]:
    """Waits 15 % longer."""
    await asyncio.sleep(1.15 * WAIT_S)
    return {"ok": True}
