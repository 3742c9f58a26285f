"""A server whose latencies are known beforehand, to hold a load generator's percentiles against.

Fixed, or log-normal from a low-discrepancy sequence, so that any stretch of requests has the declared percentiles and
not only a sample of them. With `--stall-s` it does nothing at all for so long once in every `--every-s`. It wakes by
spinning through the last stretch before an answer is due, and so wants a core to itself.
"""

from __future__ import annotations

import argparse
import contextlib
import heapq
import os
import select
import socket
import time
from collections.abc import Iterator
from itertools import count
from statistics import NormalDist
from typing import Final

ANSWER: Final = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
GOLDEN: Final = (5**0.5 - 1) / 2
SPIN_S: Final = 0.0015


def latencies_s(median_s: float, sigma: float) -> Iterator[float]:
    """Latencies without end: each stretch of them is spread as the distribution is."""
    if sigma == 0:
        while True:
            yield median_s
    normal = NormalDist(0.0, sigma)
    for number in count(1):
        quantile = number * GOLDEN % 1.0
        yield median_s * 2.718281828459045 ** normal.inv_cdf(min(max(quantile, 1e-9), 1 - 1e-9))


def serve(listener: socket.socket, latencies: Iterator[float], stall_s: float, every_s: float) -> None:
    """Answer each request once its latency has passed, until the process is ended."""
    poll, accepting = select.epoll(), listener.fileno()
    poll.register(accepting, select.EPOLLIN)
    connections: dict[int, socket.socket] = {}
    due: list[tuple[float, int]] = []
    clock = time.monotonic
    stall_at = clock() + every_s if stall_s else float("inf")
    while True:
        now = clock()
        if now >= stall_at:
            time.sleep(max(0.0, stall_at + stall_s - clock()))
            stall_at += every_s
        while due and due[0][0] <= clock():
            with contextlib.suppress(OSError):
                os.write(heapq.heappop(due)[1], ANSWER)
        next_s = min(due[0][0] if due else float("inf"), stall_at) - clock()
        wait_s = 0 if next_s < SPIN_S else min(next_s - SPIN_S, 0.5)
        for descriptor, _ in poll.poll(wait_s):
            if descriptor == accepting:
                with contextlib.suppress(BlockingIOError):
                    while True:
                        connection, _ = listener.accept()
                        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                        connections[connection.fileno()] = connection
                        poll.register(connection.fileno(), select.EPOLLIN)
                continue
            try:
                data = os.read(descriptor, 65_536)
            except OSError:
                data = b""
            if data:
                heapq.heappush(due, (clock() + next(latencies), descriptor))
            else:
                poll.unregister(descriptor)
                connections.pop(descriptor).close()


def main() -> None:
    """Listen on loopback; the port is the first line on standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--median-ms", type=float, default=20.0)
    parser.add_argument("--sigma", type=float, default=0.0)
    parser.add_argument("--stall-s", type=float, default=0.0)
    parser.add_argument("--every-s", type=float, default=10.0)
    options = parser.parse_args()
    with socket.create_server(("127.0.0.1", 0), backlog=4_096) as listener:
        listener.setblocking(False)
        print(listener.getsockname()[1], flush=True)
        serve(listener, latencies_s(options.median_ms / 1000, options.sigma), options.stall_s, options.every_s)


if __name__ == "__main__":
    main()
