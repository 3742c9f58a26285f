"""The upstream HTTP service that `external` calls: a separate process with a declared latency and error rate.

It is a bare asyncio protocol instead of a framework, because it shares a core with the load generator and must never
limit the throughput. It runs on asyncio's own loop instead of uvloop: uvloop's timers use a cached millisecond clock
and may fire early, and then the declared latency would be no lower bound.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import random
import signal
from collections.abc import Callable
from typing import Final

import httptools

BODY: Final = b'{"source":"upstream","price":101.25,"currency":"EUR"}'
COUNT_PATH: Final = b"/_count"


def response(status: str, body: bytes) -> bytes:
    """Return a whole HTTP/1.1 response with a JSON body."""
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


QUOTE: Final = response("200 OK", BODY)
FAILURE: Final = response("503 Service Unavailable", b'{"detail":"declared error"}')


def latency_source(latency_s: float, sigma: float, seed: int) -> Callable[[], float]:
    """Return a function that draws latencies in seconds.

    They are constant for `sigma` 0, else log-normal with median `latency_s` and shape `sigma`.
    """
    if sigma == 0:
        return lambda: latency_s
    draw = random.Random(seed)
    return lambda: draw.lognormvariate(math.log(latency_s), sigma)


class Upstream:
    """The state that all connections share: the declared behaviour and the number of answered calls."""

    def __init__(self, next_latency: Callable[[], float], error_rate: float, seed: int) -> None:
        self.next_latency = next_latency
        self.error_rate = error_rate
        self.calls = 0
        self._draw = random.Random(seed + 1)

    def answer(self) -> bytes:
        self.calls += 1
        if self.error_rate and self._draw.random() < self.error_rate:
            return FAILURE
        return QUOTE


class UpstreamProtocol(asyncio.Protocol):
    """One connection of a client that has at most one request in flight."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._url = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    def on_message_begin(self) -> None:
        self._url = b""

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_message_complete(self) -> None:
        if self._url == COUNT_PATH:
            self._transport.write(response("200 OK", str(self._upstream.calls).encode()))
            return
        asyncio.get_running_loop().call_later(self._upstream.next_latency(), self._answer)

    def _answer(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(self._upstream.answer())


async def serve(upstream: Upstream, port: int) -> None:
    """Listen on loopback until SIGTERM or SIGINT, and print the port in use as the first line on standard output."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: UpstreamProtocol(upstream), "127.0.0.1", port)
    print(server.sockets[0].getsockname()[1], flush=True)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
    server.close()


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency-ms", type=float, default=20.0)
    parser.add_argument("--sigma", type=float, default=0.0, help="shape of the log-normal latency (0: fixed latency)")
    parser.add_argument("--error-rate", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    next_latency = latency_source(options.latency_ms / 1000, options.sigma, options.seed)
    asyncio.run(serve(Upstream(next_latency, options.error_rate, options.seed), options.port))


if __name__ == "__main__":
    main()
