"""The same handler on two routes, without a wait: any difference is noise of the server's core."""

from bench_app.workload import Workload

workload = Workload(name="busy", question="Is the same handler as fast as itself, when the server's core is full?")


async def answer() -> dict[str, bool]:
    """Answer at once, on the event loop."""
    return {"ok": True}


workload.variant("async")(answer)
workload.variant("async", name="again")(answer)
