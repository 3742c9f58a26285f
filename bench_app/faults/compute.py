"""Pure Python that computes for 20 to 40 ms, on the loop and in threads."""

from bench_app.workload import Suffers, Workload

ROUNDS = 800_000
# 400,000 rounds took 10.0 ms on a fast core, which is where a step begins to count as long, and the diagnosis found
# "CPU 80 %, loop computing 20 %". Twice as many take about 20 ms there, and about 40 ms on a slow core.

workload = Workload(name="compute", question="Who keeps the processor from the others?")


def count() -> int:
    """Return a sum that takes 20 to 40 ms to compute, while this thread holds the GIL."""
    total = 0
    for number in range(ROUNDS):
        total += number
    return total


@workload.variant("sync", suffers=Suffers("threads hold the GIL", users=8))
def count_in_threads() -> dict[str, int]:
    """Compute in worker threads, which keep the GIL from the event loop."""
    return {"total": count()}


@workload.variant("async", suffers=Suffers("loop computing", "loop computing", users=8))
async def count_on_the_loop() -> dict[str, int]:
    """Compute on the event loop, so that the server answers no other request meanwhile."""
    return {"total": count()}
