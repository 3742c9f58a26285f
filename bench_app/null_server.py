"""A null server for calibrating the load generator: one constant answer for each read, as fast as Python can send it.

It is faster than the load generator, so a trial against it measures the load generator's maximum throughput. It speaks
only as much HTTP as a client with one request in flight on a connection needs: it answers each chunk that ends a
request, and counts its answers. It uses bare epoll and system calls, because the calibration would charge each
microsecond spent here to the client.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import select
import signal
import socket
import sys
from typing import Final

ANSWER: Final = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-type: text/plain\r\n\r\nok"
COUNT_REQUEST: Final = b"GET /_count "
CHUNK: Final = 65_536
BACKLOG: Final = 4_096


def serve(listener: socket.socket) -> None:
    """Answer every request until the process ends."""
    poll = select.epoll()
    accepting = listener.fileno()
    poll.register(accepting, select.EPOLLIN)
    connections: dict[int, socket.socket] = {}
    read, write, wait = os.read, os.write, poll.poll
    answered = 0
    while True:
        for descriptor, _ in wait():
            if descriptor == accepting:
                with contextlib.suppress(BlockingIOError):
                    while True:
                        connection, _ = listener.accept()
                        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                        connections[connection.fileno()] = connection
                        poll.register(connection.fileno(), select.EPOLLIN)
                continue
            try:
                data = read(descriptor, CHUNK)
                if data[-4:] == b"\r\n\r\n" and data[:12] != COUNT_REQUEST:
                    write(descriptor, ANSWER)
                    answered += 1
                    continue
            except OSError:
                data = b""
            if data[:12] == COUNT_REQUEST:
                body = str(answered).encode()
                with contextlib.suppress(OSError):
                    write(descriptor, b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
            elif not data:
                poll.unregister(descriptor)
                connections.pop(descriptor).close()


def main() -> None:
    """Listen on `--host`, print the port as the first line on standard output, and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    with socket.create_server((options.host, options.port), family=family, backlog=BACKLOG) as listener:
        listener.setblocking(False)
        print(listener.getsockname()[1], flush=True)
        serve(listener)


if __name__ == "__main__":
    main()
