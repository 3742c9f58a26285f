"""Pure Python that computes for some milliseconds, on the loop and in threads."""

from bench_app.workload import Suffers, Workload

ROUNDS = 400_000

workload = Workload(name="compute", question="Who keeps the processor from the others?")


def count() -> int:
    """Computes for about 20 ms, and holds the GIL for it."""
    total = 0
    for number in range(ROUNDS):
        total += number
    return total


@workload.variant("sync", suffers=Suffers(("threads hold the GIL",), users=8))
def count_in_threads() -> dict[str, int]:
    """Computes in threads, which keep the GIL from the loop."""
    return {"total": count()}


@workload.variant("async", suffers=Suffers(("loop computing",), ("loop computing",), users=8))
async def count_on_the_loop() -> dict[str, int]:
    """Computes on the loop, which serves nobody meanwhile."""
    return {"total": count()}
