"""A wait that blocks the loop: it serves eight users one after the other, where an awaited wait serves all at once."""

import asyncio
import time

from bench_app.workload import Workload

WAIT_S = 0.05

workload = Workload(name="stall", question="Do 8 users queue behind each other?", wait_s=WAIT_S)


@workload.variant("blocking")
async def stalls() -> dict[str, bool]:
    """Block the event loop while waiting, so that the server answers no other request meanwhile."""
    time.sleep(WAIT_S)
    return {"ok": True}


@workload.variant("async", against="blocking")
async def awaits() -> dict[str, bool]:
    """Release the event loop while waiting."""
    await asyncio.sleep(WAIT_S)
    return {"ok": True}
