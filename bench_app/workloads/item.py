"""A validated path parameter with two kinds of error: a 400 from the handler and a 422 from FastAPI."""

from fastapi import HTTPException
from pydantic import BaseModel

from bench_app.workload import BUSY, Request, Workload


class Item(BaseModel):
    """An item, identified by its number."""

    item_id: int


class Refusal(BaseModel):
    """The body that an HTTPException sends."""

    detail: str


workload = Workload(
    name="item",
    question="What do validation and refusal cost in a def handler, and what in an async def one?",
    route="/{item_id}",
    requests=(
        Request("/42", expect=200, weight=8),
        Request("/-1", expect=400),
        Request("/abc", expect=422),
    ),
    responses={400: {"model": Refusal, "description": "The number is negative."}},
)

NEGATIVE = "item_id must not be negative"


@workload.variant("sync", suffers=BUSY)
def item_sync(item_id: int) -> Item:
    """Reject a negative number with an HTTPException, in a worker thread. FastAPI decides a 422 before, on the loop."""
    if item_id < 0:
        raise HTTPException(status_code=400, detail=NEGATIVE)
    return Item(item_id=item_id)


@workload.variant("async", suffers=BUSY)
async def item_async(item_id: int) -> Item:
    """Reject a negative number with an HTTPException, on the event loop."""
    if item_id < 0:
        raise HTTPException(status_code=400, detail=NEGATIVE)
    return Item(item_id=item_id)
