"""A connection that a dependency takes in one hop and the handler uses in another: with few of them nobody moves."""

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
    """Keeps a connection until the answer is made; threads that wait for one keep it from being made."""
    with resources_of(request).psycopg_pool.connection() as connection:
        yield connection


@workload.variant("sync", suffers=Suffers(("deadlock",), low_tried=False))
def use_it(connection: Annotated[Connection[TupleRow], Depends(connection_of)]) -> dict[str, bool]:
    """Needs a second thread while it keeps a connection."""
    connection.execute("SELECT 1")
    return {"ok": True}
