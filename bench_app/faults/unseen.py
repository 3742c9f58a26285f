"""A lock inside the application: the probe has no measurement of the wait for it."""

import asyncio

from bench_app.workload import Suffers, Workload

WAIT_S = 0.005

workload = Workload(name="unseen", question="Is it admitted that a cause is not known?")
lock = asyncio.Lock()


@workload.variant("async", suffers=Suffers())
async def wait_for_the_lock() -> dict[str, bool]:
    """Wait while holding a lock that one request has at a time."""
    async with lock:
        await asyncio.sleep(WAIT_S)
    return {"ok": True}
