"""A call on the loop that takes 0.1 ms, and now and then 150 ms: a tenth of the time, in long stretches."""

import asyncio
import time

from fastapi import Depends

from bench_app.workload import Suffers, Workload

OFTEN_S, RARELY_S, EVERY_S = 0.0001, 0.15, 1.3

workload = Workload(name="rarely", question="Is a call found that blocks the loop only now and then?")
last = time.monotonic()


def check() -> None:
    """Wait for a limiter: briefly, or for 150 ms where the last such wait was a while ago."""
    global last
    slow = time.monotonic() - last > EVERY_S
    time.sleep(RARELY_S if slow else OFTEN_S)
    if slow:
        last = time.monotonic()


async def limiter() -> None:
    """Call it on the event loop."""
    check()


@workload.variant("blocking", suffers=Suffers("loop blocked", function="check", low_tried=False))
async def wait_after_the_check(_: None = Depends(limiter)) -> dict[str, bool]:
    """Answer after a dependency that blocks the event loop now and then."""
    await asyncio.sleep(0.02)
    return {"ok": True}
