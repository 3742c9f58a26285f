"""The same wait in three pools of threads: FastAPI's, anyio's on request, and asyncio's executor."""

import asyncio
import time

from starlette.concurrency import run_in_threadpool

from bench_app.workload import Suffers, Workload

WAIT_S = 0.1

workload = Workload(name="handed", question="Is it seen which of two thread pools is too small?", wait_s=WAIT_S)


@workload.variant("sync", suffers=Suffers("thread limit"))
def wait_in_threads() -> dict[str, bool]:
    """Wait in one of the 40 threads of def handlers."""
    time.sleep(WAIT_S)
    return {"ok": True}


@workload.variant("offload", name="anyio", suffers=Suffers("thread limit", low_tried=False))
async def wait_in_anyio() -> dict[str, bool]:
    """Hand the wait to the same 40 threads."""
    await run_in_threadpool(time.sleep, WAIT_S)
    return {"ok": True}


@workload.variant("offload", name="asyncio", suffers=Suffers("executor limit"))
async def wait_in_asyncio() -> dict[str, bool]:
    """Hand the wait to asyncio's executor, which has a handful of threads."""
    await asyncio.to_thread(time.sleep, WAIT_S)
    return {"ok": True}
