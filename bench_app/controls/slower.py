"""A handler, and the same one with a 15 % longer wait: a difference that the instrument must find."""

import asyncio

from bench_app.workload import Workload

WAIT_S = 0.04

workload = Workload(name="slower", question="Is a delay of 15 % seen?", wait_s=WAIT_S)


@workload.variant("async")
async def wait() -> dict[str, bool]:
    """Wait for the declared time."""
    await asyncio.sleep(WAIT_S)
    return {"ok": True}


@workload.variant("async", name="delayed")
async def wait_longer() -> dict[str, bool]:
    """Wait 15 % longer than the declared time."""
    await asyncio.sleep(1.15 * WAIT_S)
    return {"ok": True}
