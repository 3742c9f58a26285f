"""A dependency takes a connection in one thread hop and the handler uses it in a second: few connections deadlock."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Request
from psycopg import Connection
from psycopg.rows import TupleRow

from bench_app.resources import resources_of
from bench_app.workload import Suffers, Workload

workload = Workload(
    name="deadlock",
    question="Is it seen that nothing moves any more?",
    needs=frozenset({"database"}),
    statement="SELECT 1",
)


def connection_of(request: Request) -> Iterator[Connection[TupleRow]]:
    """Yield a pooled connection and hold it until the request ends.

    Threads that wait for a connection here leave none for the handlers that would release one.
    """
    with resources_of(request).psycopg_pool.connection() as connection:
        yield connection


@workload.variant("sync", suffers=Suffers("deadlock", low_tried=False))
def use_it(connection: Annotated[Connection[TupleRow], Depends(connection_of)]) -> dict[str, bool]:
    """Need a second worker thread while the request already holds a connection."""
    connection.execute("SELECT 1")
    return {"ok": True}
