"""A blocking HTTP call two functions below the handler, and a session that keeps fewer connections than are used."""

from functools import cache

import requests
from fastapi import Request

from bench_app.resources import resources_of
from bench_app.workload import Suffers, Workload

workload = Workload(
    name="called",
    question="Is a blocking call found below a layer that does not block?",
    needs=frozenset({"upstream"}),
)


@cache
def session() -> requests.Session:
    """Return a session as requests makes it: with at most 10 connections kept for the next call."""
    return requests.Session()


def fetch(upstream: str) -> int:
    """Call the upstream service, and wait."""
    return session().get(upstream, timeout=10).status_code


async def ask(upstream: str) -> dict[str, int]:
    """Do nothing wrong but to call `fetch`."""
    return {"status": fetch(upstream)}


@workload.variant("blocking", suffers=Suffers("loop blocked", "loop blocked", function="fetch", users=32))
async def ask_on_the_loop(request: Request) -> dict[str, int]:
    """Await a coroutine that calls a function that blocks the event loop."""
    return await ask(resources_of(request).upstream)


@workload.variant("sync", suffers=Suffers("CPU"))
def ask_in_threads(request: Request) -> dict[str, int]:
    """Call the same function in a worker thread: 40 threads share 10 kept connections, and the others connect anew."""
    return {"status": fetch(resources_of(request).upstream)}
