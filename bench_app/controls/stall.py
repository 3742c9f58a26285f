"""A wait on the loop itself: eight users of it are served one after the other, eight that await all at once."""

import asyncio
import time

from bench_app.workload import Workload

WAIT_S = 0.05

workload = Workload(name="stall", question="Do 8 users queue behind each other?", wait_s=WAIT_S)


@workload.variant("blocking")
async def stalls() -> dict[str, bool]:
    """Waits on the event loop, so that nobody else is served meanwhile."""
    time.sleep(WAIT_S)
    return {"ok": True}


@workload.variant("async", against="blocking")
async def awaits() -> dict[str, bool]:
    """Gives the event loop back while it waits."""
    await asyncio.sleep(WAIT_S)
    return {"ok": True}
