"""Limits of the application's own (a lock, a semaphore, a `queue.Queue`), and a loop that computes in pieces."""

import asyncio
import queue
import time

from bench_app.workload import Suffers, Workload

WAIT_S = 0.005
TURNS = 4
PIECE_S = 0.006

workload = Workload(name="limited", question="Is a limit found that no library knows?")
lock = asyncio.Lock()
turns = asyncio.Semaphore(TURNS)
tools: queue.Queue[int] = queue.Queue()
for _number in range(TURNS):
    tools.put(_number)


@workload.variant("async", name="lock", suffers=Suffers("lock convoy", function="wait_for_the_lock"))
async def wait_for_the_lock() -> dict[str, bool]:
    """Wait while holding a lock that one request has at a time."""
    async with lock:
        await asyncio.sleep(WAIT_S)
    return {"ok": True}


@workload.variant("async", name="semaphore", suffers=Suffers("own limit", function="wait_for_a_turn", low_tried=False))
async def wait_for_a_turn() -> dict[str, bool]:
    """Wait while holding one of four turns, all of it in use."""
    async with turns:
        await asyncio.sleep(4 * WAIT_S)
    return {"ok": True}


@workload.variant("sync", name="tools", suffers=Suffers("own limit", function="wait_for_a_tool", low_tried=False))
def wait_for_a_tool() -> dict[str, bool]:
    """Wait in a worker thread for one of four tools."""
    tool = tools.get()
    try:
        time.sleep(4 * WAIT_S)
    finally:
        tools.put(tool)
    return {"ok": True}


COMPUTES = Suffers("loop computing", "loop computing", function="compute_a_piece")


@workload.variant("blocking", name="pieces", suffers=COMPUTES)
async def compute_a_piece() -> dict[str, bool]:
    """Compute on the event loop for 6 ms: no piece is long, and 64 of them are."""
    end, rounds = time.perf_counter() + PIECE_S, 0
    while time.perf_counter() < end:
        rounds += 1
    return {"ok": rounds > 0}
