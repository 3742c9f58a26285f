"""The smallest endpoint: what the framework and the thread pool cost where the handler waits for nothing."""

from pydantic import BaseModel

from bench_app.workload import BUSY, Claim, Workload


class Greeting(BaseModel):
    """The answer of the guide's first endpoint."""

    Hello: str


workload = Workload(
    name="root",
    question="What does a trivial endpoint cost as def, and what as async def?",
    claims=(
        Claim(
            sentence="A trivial def endpoint is slower than an async def one.",
            source="the field: a def handler crosses to a thread and back",
            baseline="sync",
            contender="async",
            expect="WIN",
        ),
    ),
)


@workload.variant("sync", suffers=BUSY)
def root_sync() -> Greeting:
    """Answer from a worker thread, because FastAPI runs every def handler on the thread pool."""
    return Greeting(Hello="World")


@workload.variant("async", suffers=BUSY)
async def root_async() -> Greeting:
    """Answer on the event loop, without a worker thread."""
    return Greeting(Hello="World")
