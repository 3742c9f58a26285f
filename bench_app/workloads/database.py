"""Twenty rows of a PostgreSQL table: the same statement through an async and a blocking driver, pooled or not."""

import asyncpg
import psycopg
from fastapi import Request
from psycopg.rows import dict_row
from pydantic import BaseModel

from bench_app.resources import resources_of
from bench_app.settings import TABLE
from bench_app.workload import BUSY, Claim, Suffers, Workload

STATEMENT = f"SELECT id, name, quantity FROM {TABLE} ORDER BY id LIMIT 20"
# A new connection costs the database a process and the server CPU time. Either may saturate first.


class Row(BaseModel):
    """One row of the seeded table."""

    id: int
    name: str
    quantity: int


workload = Workload(
    name="database",
    question="asyncpg on the loop or psycopg in threads, and what does a connection for each request cost?",
    needs=frozenset({"database"}),
    statement=STATEMENT,
    claims=(
        Claim(
            sentence="Use an async driver for PostgreSQL.",
            source="the guide",
            baseline="sync",
            contender="async",
            expect="WIN",
        ),
        Claim(
            sentence="Connecting in each request, as the guide's code does, is costly.",
            source="the guide's code against its own advice",
            baseline="async",
            contender="async_connect_each",
            expect="LOSS",
        ),
    ),
)


@workload.variant("sync", suffers=BUSY)
def database_sync(request: Request) -> list[Row]:
    """Run the statement through a pooled psycopg 3 connection, in a worker thread."""
    with resources_of(request).psycopg_pool.connection() as connection:
        with connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(STATEMENT).fetchall()  # type: ignore[return-value]  # FastAPI validates dicts


@workload.variant("async", suffers=BUSY)
async def database_async(request: Request) -> list[Row]:
    """Run the statement through a pooled asyncpg connection, on the event loop."""
    resources = resources_of(request)
    async with resources.asyncpg_pool.acquire(timeout=resources.settings.pool_timeout_s) as connection:
        return [dict(row) for row in await connection.fetch(STATEMENT)]  # type: ignore[misc]  # FastAPI validates


# At a low rate the diagnosis names no cause, because one statement blocks the loop only briefly.
@workload.variant("blocking", suffers=Suffers("loop blocked", function="database_blocking"))
async def database_blocking(request: Request) -> list[Row]:
    """Call psycopg on the event loop (the trap), so that only one statement runs at a time."""
    with resources_of(request).psycopg_pool.connection() as connection:
        with connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(STATEMENT).fetchall()  # type: ignore[return-value]  # FastAPI validates dicts


@workload.variant("sync", name="sync_connect_each", suffers=BUSY)
def database_sync_connect_each(request: Request) -> list[Row]:
    """Open a new psycopg connection for each request, in a worker thread."""
    with psycopg.connect(resources_of(request).dsn, autocommit=True) as connection:
        with connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(STATEMENT).fetchall()  # type: ignore[return-value]  # FastAPI validates dicts


@workload.variant("async", name="async_connect_each", suffers=BUSY)
async def database_async_connect_each(request: Request) -> list[Row]:
    """Open a new asyncpg connection for each request, as the guide's code does."""
    connection = await asyncpg.connect(resources_of(request).dsn)
    try:
        return [dict(row) for row in await connection.fetch(STATEMENT)]  # type: ignore[misc]  # FastAPI validates
    finally:
        await connection.close()
