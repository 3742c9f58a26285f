"""One HTTP/1.1 connection whose hot path runs as callbacks on gevent's hub.

A greenlet switch and an event for each request cost a Locust client most of its core (about 100 µs a request with
FastHttpUser). Here the hub calls the parser directly when bytes arrive, and the callback of the answer sends the next
request. The greenlet that owns the connection stays parked until the connection is lost.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import gevent
import httptools
from gevent import socket

from scenarios.wire.protocol import RequestSpec

READ: Final = 1
WRITE: Final = 2
# recv allocates this much before it knows the size: a larger value slows every answer, a smaller one only large ones.
CHUNK: Final = 16_384
HEAD_LIMIT: Final = 65_536
# Longer answers are parsed each time: comparing them would take longer, and each connection would keep a copy.
REPEAT_LIMIT: Final = 4_096

now_ns = time.monotonic_ns

OnResponse = Callable[[int, int], None]
OnLost = Callable[[str | None, int], None]


def encode(request: RequestSpec, host: str, port: int) -> bytes:
    """Return the bytes of the request as HTTP/1.1, built once and sent many times."""
    body = request.body.encode()
    declared = {name.lower() for name, _ in request.headers}
    lines = [f"{request.method} {request.path} HTTP/1.1"]
    if "host" not in declared:
        lines.append(f"Host: [{host}]:{port}" if ":" in host else f"Host: {host}:{port}")
    lines += [f"{name}: {value}" for name, value in request.headers]
    if "accept" not in declared:
        lines.append("Accept: */*")
    if body or request.method in ("POST", "PUT", "PATCH"):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def cause_of(error: OSError) -> str:
    """Return the cause under which a socket error is counted."""
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, (ConnectionResetError, BrokenPipeError)):
        return "reset"
    if isinstance(error, TimeoutError):
        return "connect timeout"
    return error.strerror or type(error).__name__


class Connection:
    """A connection with at most one request in flight.

    The hub calls `on_response(status, end_ns)` and `on_lost(cause, end_ns)`, which must not block. `end_ns` is
    `time.monotonic_ns()`. The connection never retries: a request that is cut off fails with a cause, and the
    connection is closed. The cause is None where the connection was lost between two requests, which is not a failure.
    """

    __slots__ = (
        "_complete",
        "_head",
        "_host",
        "_on_lost",
        "_on_response",
        "_parser",
        "_pending",
        "_port",
        "_previous",
        "_raw",
        "_reader",
        "_repeat",
        "_repeat_status",
        "_writer",
        "in_flight",
        "sent_ns",
        "socket",
    )

    def __init__(self, host: str, port: int, on_response: OnResponse, on_lost: OnLost) -> None:
        self._host = host
        self._port = port
        self._on_response = on_response
        self._on_lost = on_lost
        self.socket: Any = None
        """gevent's socket while the connection is open, else None."""
        self._pending = b""
        self._head = b""
        self._complete = False
        self._previous = b""
        # The last answer that came twice in a row, each time as one whole chunk; None before there is one.
        self._repeat: bytes | None = None
        self._repeat_status = 0
        self.in_flight = False
        self.sent_ns = 0

    @property
    def is_open(self) -> bool:
        return self.socket is not None

    def open(self, timeout_s: float) -> None:
        """Connect. Call this from a greenlet, which is parked meanwhile.

        Raises:
            OSError: the connection failed, or was not made within `timeout_s` seconds.
        """
        connected = socket.create_connection((self._host, self._port), timeout=timeout_s)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # gevent wraps a non-blocking socket; using that one saves a Python layer on each call.
        self.socket, self._raw = connected, connected._sock
        self._parser = httptools.HttpResponseParser(self)
        self._head = b""
        loop = gevent.get_hub().loop
        self._reader = loop.io(connected.fileno(), READ)
        self._reader.start(self._readable)
        self._writer: Any = None

    def close(self) -> None:
        """Close at once. A request in flight gets no callback."""
        if self.socket is None:
            return
        for watcher in (self._reader, self._writer):
            if watcher is not None:
                watcher.stop()
                watcher.close()
        self.socket.close()
        self.socket = None
        self.in_flight = False

    def send(self, request: bytes) -> None:
        """Send the request. One of the callbacks reports its answer or its failure."""
        self.in_flight = True
        self.sent_ns = now_ns()
        try:
            sent = self._raw.send(request)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self.fail(cause_of(error))
            return
        if sent != len(request):
            self._pending = request[sent:]
            self._writer = gevent.get_hub().loop.io(self.socket.fileno(), WRITE)
            self._writer.start(self._writable)

    def fail(self, cause: str) -> None:
        """Close, and report a request in flight as failed for this cause."""
        reported = cause if self.in_flight else None
        self.close()
        self._on_lost(reported, now_ns())

    def _writable(self) -> None:
        try:
            self._pending = self._pending[self._raw.send(self._pending) :]
        except BlockingIOError:
            return
        except OSError as error:
            self.fail(cause_of(error))
            return
        if not self._pending:
            self._writer.stop()
            self._writer.close()
            self._writer = None

    def _readable(self) -> None:
        try:
            data = self._raw.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            self.fail(cause_of(error))
            return
        if data == self._repeat and self.in_flight and not self._head:
            # The parser is between two answers and has parsed the same bytes before: the result would be the same.
            self.in_flight = False
            self._on_response(self._repeat_status, now_ns())
            return
        if not data:
            self._ended()
            return
        self._complete = False
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            if self.socket is not None:
                self.fail("protocol")
            return
        if self._complete:
            if self.socket is not None and not self._head:
                self._remember(data)
            self._head = b""
        elif len(self._head) < HEAD_LIMIT:
            # The parser does not tell whether the answer ends with the connection, so the head is kept to decide that.
            self._head += data[:HEAD_LIMIT]

    def _remember(self, data: bytes) -> None:
        """Remember an answer that came in one chunk, so that an equal one need not be parsed."""
        if len(data) > REPEAT_LIMIT:
            return
        if data == self._previous and _is_one_answer(data):
            self._repeat, self._repeat_status = data, self._parser.get_status_code()
        self._previous = data

    def _ended(self) -> None:
        """Handle the server's end of the connection: it ends an answer without a length, or the connection is lost."""
        if self.in_flight and _ends_with_connection(self._head):
            status, end_ns = self._parser.get_status_code(), now_ns()
            self.close()
            self._on_response(status, end_ns)
        else:
            self.fail("closed")

    def on_message_begin(self) -> None:
        """Reject an answer to no request. The parser calls this at the first byte of each answer.

        Raises:
            httptools.HttpParserError: no request is in flight, or the chunk already held its answer.
        """
        # An answer may send the next request, whose own answer cannot already be in the same chunk.
        if self._complete or not self.in_flight:
            raise httptools.HttpParserError("an answer to nothing")

    def on_message_complete(self) -> None:
        """Report the answer. The parser calls this at the end of each answer."""
        parser = self._parser
        status = parser.get_status_code()
        if status < 200:  # an informational response such as 100 Continue precedes the answer
            return
        self._complete = True
        self.in_flight = False
        end_ns = now_ns()
        if not parser.should_keep_alive():
            self.close()
        self._on_response(status, end_ns)


class StampedConnection(Connection):
    """A connection that tells the server when it sends a request, and when it received the answer before.

    So the server can measure the way to it and the way back. It builds each request anew, which takes a microsecond. So
    it serves the diagnosis and never a measurement.
    """

    __slots__ = ("_received_ns",)

    def __init__(self, host: str, port: int, on_response: OnResponse, on_lost: OnLost) -> None:
        self._received_ns = 0

        def received(status: int, end_ns: int) -> None:
            self._received_ns = end_ns
            on_response(status, end_ns)

        super().__init__(host, port, received, on_lost)

    def send(self, request: bytes) -> None:
        """Send the request with two headers after the others, both times as `time.monotonic_ns()`.

        `X-Sent` is the send time, `X-Received` when the previous answer on this connection was received, or 0.
        """
        head, separator, body = request.partition(b"\r\n\r\n")
        stamps = b"X-Sent: %d\r\nX-Received: %d" % (now_ns(), self._received_ns)
        super().send(b"%b\r\n%b%b%b" % (head, stamps, separator, body))


def _is_one_answer(data: bytes) -> bool:
    """Return whether these bytes are exactly one answer, whose body has the declared length."""
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [
        value.strip()
        for name, _, value in (line.partition(b":") for line in head.split(b"\r\n")[1:])
        if name.strip().lower() == b"content-length"
    ]
    return lengths == [str(len(body)).encode()]


def _ends_with_connection(received: bytes) -> bool:
    """Return whether the answer that begins with these bytes has neither a length nor chunks.

    Such an answer ends where the connection ends.
    """
    head, separator, _ = received.partition(b"\r\n\r\n")
    if not separator or not head.startswith(b"HTTP/1."):
        return False
    names = {line.partition(b":")[0].strip().lower() for line in head.split(b"\r\n")[1:]}
    return not names & {b"content-length", b"transfer-encoding"}
