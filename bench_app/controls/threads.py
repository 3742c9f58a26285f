"""A long wait in threads and on the loop: with twice as many users as threads, the loop has twice the throughput."""

import asyncio
import time

from bench_app.workload import Workload

WAIT_S = 0.5

workload = Workload(name="threads", question="Do 80 users share 40 threads?", wait_s=WAIT_S)


@workload.variant("sync")
def in_threads() -> dict[str, bool]:
    """Hold one of the worker threads for the whole wait."""
    time.sleep(WAIT_S)
    return {"ok": True}


@workload.variant("async")
async def on_the_loop() -> dict[str, bool]:
    """Release the event loop while waiting."""
    await asyncio.sleep(WAIT_S)
    return {"ok": True}
