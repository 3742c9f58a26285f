"""Connections from a `queue.Queue`, which a dependency gives back after the answer: few of them deadlock.

The handler takes a connection in its thread. With a response model the request then needs a second thread, and keeps
the connection meanwhile. P connections and T threads deadlock from P + T users on.
"""

import queue
import time
from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends
from pydantic import BaseModel

from bench_app.workload import Suffers, Workload

CONNECTIONS = 10
USE_S = 0.01

workload = Workload(name="borrowed", question="Is a deadlock found where no library hands out the connections?")
free: queue.Queue[int] = queue.Queue()
for _number in range(CONNECTIONS):
    free.put(_number)


class Row(BaseModel):
    """An answer with a model."""

    ok: bool


class Unit:
    """A unit of work that takes a connection when it first needs one."""

    def __init__(self) -> None:
        self.held: int | None = None

    def run(self) -> None:
        """Take a connection if there is none yet, and use it."""
        if self.held is None:
            # Longer than any trial, so that a deadlock lasts; shorter than a server's life, so that it ends.
            self.held = free.get(timeout=20)
        time.sleep(USE_S)

    def close(self) -> None:
        """Give the connection back."""
        if self.held is not None:
            free.put(self.held)


def unit_of_work() -> Iterator[Unit]:
    """Yield a unit of work, and close it after the answer."""
    unit = Unit()
    try:
        yield unit
    finally:
        unit.close()


Work = Annotated[Unit, Depends(unit_of_work)]


@workload.variant("sync", name="with_model", suffers=Suffers("deadlock", function="run", users=128))
def use_with_model(work: Work) -> Row:
    """Answer with a model, for which the request needs another thread while it keeps its connection."""
    work.run()
    return Row(ok=True)


@workload.variant("sync", name="few_users", suffers=Suffers("own limit", function="run", users=32, low_tried=False))
def use_by_few(work: Work) -> Row:
    """Do the same for 32 users, who do not deadlock and only wait for a connection."""
    work.run()
    return Row(ok=True)


@workload.variant("sync", name="without_model", suffers=Suffers("own limit", function="run", low_tried=False))
def use_without_model(work: Work):  # type: ignore[no-untyped-def]  # a type would make a response model
    """Answer without a model: the request needs no second thread, and never deadlocks."""
    work.run()
    return {"ok": True}
