"""Objects in reference cycles: only the garbage collector frees what each request creates."""

from typing import Any

from bench_app.workload import Suffers, Workload

OBJECTS = 3_000

workload = Workload(name="garbage", question="Is the garbage collector seen to stop everything?")
kept: list[Any] = [[number] for number in range(400_000)]


@workload.variant("async", suffers=Suffers("garbage collection", low_tried=False))
async def litter() -> dict[str, int]:
    """Create reference cycles, beside a large heap that each full collection traverses."""
    ring: list[Any] = []
    for _ in range(OBJECTS):
        ring = [ring]
    ring.append(ring)
    return {"kept": len(kept)}
