"""A long wait in threads and on the loop: twice as many users as threads, so that the loop serves twice as many."""

import asyncio
import time

from bench_app.workload import Workload

WAIT_S = 0.5

workload = Workload(name="threads", question="Do 80 users share 40 threads?", wait_s=WAIT_S)


@workload.variant("sync")
def in_threads() -> dict[str, bool]:
    """Holds one of the worker threads for the whole wait."""
    time.sleep(WAIT_S)
    return {"ok": True}


@workload.variant("async")
async def on_the_loop() -> dict[str, bool]:
    """Gives the event loop back while it waits."""
    await asyncio.sleep(WAIT_S)
    return {"ok": True}
