"""The same 30 kB in 500 pieces from a generator, in 500 pieces from an asynchronous one, and in one piece."""

from collections.abc import AsyncIterator, Iterator

from fastapi import Response
from fastapi.responses import StreamingResponse

from bench_app.workload import Suffers, Workload

LINE, COUNT = b"x" * 63 + b"\n", 500

workload = Workload(name="streamed", question="Is it seen what an answer in small pieces costs?")


def lines() -> Iterator[bytes]:
    """Yield the pieces."""
    for _ in range(COUNT):
        yield LINE


async def lines_on_the_loop() -> AsyncIterator[bytes]:
    """Yield the pieces without a thread for each."""
    for _ in range(COUNT):
        yield LINE


@workload.variant("async", name="through_threads", suffers=Suffers("thread hops", low_tried=False, users=8))
async def stream_through_threads() -> Response:
    """Stream from a generator: Starlette takes a thread for each piece."""
    return StreamingResponse(lines())


@workload.variant(
    "async", name="on_loop", against="through_threads", suffers=Suffers("small pieces", low_tried=False, users=8)
)
async def stream_on_the_loop() -> Response:
    """Stream from an asynchronous generator, in the same pieces."""
    return StreamingResponse(lines_on_the_loop())


@workload.variant("async", name="whole", against="through_threads", suffers=Suffers("CPU"))
async def send_whole() -> Response:
    """Send the same bytes in one piece."""
    return Response(LINE * COUNT)
