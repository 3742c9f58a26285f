"""A small JSON file, read and returned: does it pay to await I/O that the page cache answers?"""

import json
from pathlib import Path

import anyio
from pydantic import BaseModel

from bench_app.workload import BUSY, Claim, Suffers, Workload

DOCUMENT = Path(__file__).with_name("file.json")


class Document(BaseModel):
    """The document in the file."""

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
    """Read the file with open() and read(), in a worker thread."""
    with DOCUMENT.open("rb") as file:
        return Document(**json.loads(file.read()))


@workload.variant("async", suffers=Suffers("thread hops"))
async def file_async() -> Document:
    """Read the file with anyio.open_file, which sends each of open, read and close to a worker thread and back."""
    async with await anyio.open_file(DOCUMENT, "rb") as file:
        return Document(**json.loads(await file.read()))


@workload.variant("blocking", suffers=BUSY)
async def file_blocking() -> Document:
    """Read the file with open() and read() on the event loop, which the page cache makes a short block."""
    with DOCUMENT.open("rb") as file:
        return Document(**json.loads(file.read()))
