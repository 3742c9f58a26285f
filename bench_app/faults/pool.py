"""A slow statement and few connections: both threads and tasks wait for a connection."""

from fastapi import Request

from bench_app.resources import resources_of
from bench_app.workload import Suffers, Workload

STATEMENT = "SELECT 1 FROM pg_sleep(0.02)"

workload = Workload(
    name="pool",
    question="Is a pool seen to be too small?",
    needs=frozenset({"database"}),
    statement=STATEMENT,
)


@workload.variant("sync", suffers=Suffers("database pool"))
def wait_in_threads(request: Request) -> dict[str, bool]:
    """Hold a pooled connection for 20 ms, in a worker thread."""
    with resources_of(request).psycopg_pool.connection() as connection:
        connection.execute(STATEMENT)
    return {"ok": True}


@workload.variant("async", suffers=Suffers("database pool"))
async def wait_on_the_loop(request: Request) -> dict[str, bool]:
    """Hold a pooled connection for 20 ms, on the event loop."""
    async with resources_of(request).asyncpg_pool.acquire() as connection:
        await connection.fetch(STATEMENT)
    return {"ok": True}
