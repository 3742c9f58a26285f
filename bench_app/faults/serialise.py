"""A long list as an answer: FastAPI turns it into JSON on the event loop, for a def handler too."""

from bench_app.workload import Suffers, Workload

ROWS = [{"id": number, "name": f"item {number}", "tags": ["a", "b"]} for number in range(2_000)]

workload = Workload(name="serialise", question="Is the making of a large answer seen on the loop?")
SERIALISES = Suffers("serialisation", "serialisation", users=8)


@workload.variant("sync", suffers=SERIALISES)
def list_in_threads():  # type: ignore[no-untyped-def]  # with a type, pydantic would serialise it in one fast call
    """Return a long list from a worker thread."""
    return ROWS


@workload.variant("async", suffers=SERIALISES)
async def list_on_the_loop():  # type: ignore[no-untyped-def]  # see above
    """Return a long list from the event loop."""
    return ROWS
