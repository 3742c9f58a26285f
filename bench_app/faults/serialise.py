"""A long list as an answer: to turn it into JSON takes long, and is done on the loop whoever made it."""

from bench_app.workload import Suffers, Workload

ROWS = [{"id": number, "name": f"item {number}", "tags": ["a", "b"]} for number in range(2_000)]

workload = Workload(name="serialise", question="Is the making of a large answer seen on the loop?")
SERIALISES = Suffers(("serialisation",), ("serialisation",), users=8)


@workload.variant("sync", suffers=SERIALISES)
def list_in_threads():  # type: ignore[no-untyped-def]  # a declared type would be serialised in one go, by pydantic
    """Returns the list from a thread."""
    return ROWS


@workload.variant("async", suffers=SERIALISES)
async def list_on_the_loop():  # type: ignore[no-untyped-def]  # likewise
    """Returns the list from the loop."""
    return ROWS
