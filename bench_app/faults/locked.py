"""A statement that takes one lock in the database, so that all requests queue for it."""

from fastapi import Request

from bench_app.resources import resources_of
from bench_app.workload import Suffers, Workload

STATEMENT = "SELECT pg_advisory_xact_lock(1), pg_sleep(0.004)"

workload = Workload(
    name="locked",
    question="Is a database seen to be slow, where there are connections enough?",
    needs=frozenset({"database"}),
    statement=STATEMENT,
)


@workload.variant("async", suffers=Suffers("database"))
async def take_the_lock(request: Request) -> dict[str, bool]:
    """Hold for 4 ms a database lock that one transaction has at a time."""
    async with resources_of(request).asyncpg_pool.acquire() as connection:
        await connection.fetch(STATEMENT)
    return {"ok": True}
