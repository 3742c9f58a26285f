"""The same handler on two routes, mostly waiting: a difference found here is a false positive."""

import asyncio

from bench_app.workload import Workload

WAIT_S = 0.02

workload = Workload(name="same", question="Is the same handler as fast as itself, when it waits?", wait_s=WAIT_S)


async def wait() -> dict[str, bool]:
    """Release the event loop while waiting."""
    await asyncio.sleep(WAIT_S)
    return {"ok": True}


workload.variant("async")(wait)
workload.variant("async", name="again")(wait)
