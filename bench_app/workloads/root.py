"""The smallest endpoint there is: what the framework and the thread pool cost when nobody waits for anything."""

from pydantic import BaseModel

from bench_app.workload import BUSY, Claim, Workload


class Greeting(BaseModel):
    """The guide's first answer."""

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
    """Answers from a worker thread: FastAPI sends every def handler through the thread pool."""
    return Greeting(Hello="World")


@workload.variant("async", suffers=BUSY)
async def root_async() -> Greeting:
    """Answers on the event loop, without a thread."""
    return Greeting(Hello="World")
