"""The same handler on two routes, mostly waiting: whoever finds a difference here finds it anywhere."""

import asyncio

from bench_app.workload import Workload

WAIT_S = 0.02

workload = Workload(name="same", question="Is the same handler as fast as itself, when it waits?", wait_s=WAIT_S)


async def wait() -> dict[str, bool]:
    """Gives the event loop back while it waits."""
    await asyncio.sleep(WAIT_S)
    return {"ok": True}


workload.variant("async")(wait)
workload.variant("async", name="again")(wait)
