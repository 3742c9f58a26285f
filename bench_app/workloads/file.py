"""A small JSON file, read and returned: the I/O that is too fast to be worth awaiting, or is it?"""

import json
from pathlib import Path

import anyio
from pydantic import BaseModel

from bench_app.workload import BUSY, Claim, Workload

DOCUMENT = Path(__file__).with_name("file.json")


class Document(BaseModel):
    """The document that the file holds."""

    title: str
    tags: list[str]
    words: int


workload = Workload(
    name="file",
    question="Is a file operation worth awaiting, when the page cache answers it?",
    claims=(
        Claim(
            sentence="File operations are I/O worth awaiting.",
            source="the guide; the file is in the page cache here",
            baseline="sync",
            contender="async",
            expect="WIN",
        ),
    ),
)


@workload.variant("sync", suffers=BUSY)
def file_sync() -> Document:
    """open() and read() in a worker thread."""
    with DOCUMENT.open("rb") as file:
        return Document(**json.loads(file.read()))


@workload.variant("async", suffers=BUSY)
async def file_async() -> Document:
    """anyio.open_file: each of open, read and close is a trip to a worker thread and back."""
    async with await anyio.open_file(DOCUMENT, "rb") as file:
        return Document(**json.loads(await file.read()))


@workload.variant("blocking", suffers=BUSY)
async def file_blocking() -> Document:
    """The trap, or is it: open() and read() on the event loop."""
    with DOCUMENT.open("rb") as file:
        return Document(**json.loads(file.read()))
