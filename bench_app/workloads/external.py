"""One JSON document from a slow upstream service: a shared client session, or a new one for each request."""

import aiohttp
import requests
from fastapi import Request
from pydantic import BaseModel

from bench_app.resources import resources_of
from bench_app.settings import WAIT_S
from bench_app.workload import BUSY, Claim, Suffers, Workload


class Quote(BaseModel):
    """The answer of the upstream service."""

    source: str
    price: float
    currency: str


workload = Workload(
    name="external",
    question="aiohttp on the loop or requests in threads, and what does a session for each request cost?",
    needs=frozenset({"upstream"}),
    wait_s=WAIT_S,
    adjustable=True,
    outbound=True,
    claims=(
        Claim(
            sentence="Use aiohttp for outbound calls.",
            source="the guide",
            baseline="sync",
            contender="async",
            expect="WIN",
        ),
        Claim(
            sentence="Opening a ClientSession in each request, as the guide's code does, is costly.",
            source="the guide's code against its own advice",
            baseline="async",
            contender="async_session_each",
            expect="LOSS",
        ),
    ),
)


@workload.variant("sync", suffers=BUSY)
def external_sync(request: Request) -> Quote:
    """Call upstream through one shared requests session, in a worker thread."""
    resources = resources_of(request)
    return Quote(**resources.requests_session.get(resources.upstream).json())


# A request of this variant mostly waits and costs little CPU, so a full core takes more users than elsewhere.
@workload.variant("async", suffers=Suffers("CPU", users=128))
async def external_async(request: Request) -> Quote:
    """Call upstream through one shared aiohttp session, on the event loop."""
    resources = resources_of(request)
    async with resources.aiohttp_session.get(resources.upstream) as response:
        return Quote(**await response.json())


# At twenty requests a second, each of which blocks the loop for 20 ms, the loop is blocked for 40 % of the time.
@workload.variant("blocking", suffers=Suffers("loop blocked", "loop blocked", "external_blocking"))
async def external_blocking(request: Request) -> Quote:
    """Call requests on the event loop (the trap), which is blocked until the answer arrives."""
    resources = resources_of(request)
    return Quote(**resources.requests_session.get(resources.upstream).json())


@workload.variant("sync", name="sync_session_each", suffers=BUSY)
def external_sync_session_each(request: Request) -> Quote:
    """Call requests.get, which opens a new session, and so a new connection, for each request."""
    return Quote(**requests.get(resources_of(request).upstream).json())


@workload.variant("async", name="async_session_each", suffers=BUSY)
async def external_async_session_each(request: Request) -> Quote:
    """Open a new ClientSession, and so a new connection, for each request, as the guide's code does."""
    async with aiohttp.ClientSession() as session:
        async with session.get(resources_of(request).upstream) as response:
            return Quote(**await response.json())
