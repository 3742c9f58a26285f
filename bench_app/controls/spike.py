"""A handler, and the same one with a doubled wait in every fiftieth request: the mean hardly moves, the p99 doubles."""

import asyncio
from itertools import count

from bench_app.workload import Workload

WAIT_S = 0.04
EVERY = 50

workload = Workload(name="spike", question="Is a spike on 2 % of the requests seen in the p99?", wait_s=WAIT_S)
served = count(1)


@workload.variant("async")
async def wait() -> dict[str, bool]:
    """Wait for the declared time."""
    await asyncio.sleep(WAIT_S)
    return {"ok": True}


@workload.variant("async", name="spiked")
async def wait_and_spike() -> dict[str, bool]:
    """Wait twice as long in one of fifty requests."""
    await asyncio.sleep(WAIT_S if next(served) % EVERY else 2 * WAIT_S)
    return {"ok": True}
