"""The connections that load one target together: its requests, their order, and the end of them all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import gevent
from gevent.lock import BoundedSemaphore

from scenarios.engine.connection import Connection, StampedConnection, encode, now_ns
from scenarios.engine.recorder import Recorder
from scenarios.wire.protocol import ALONE, TIMEOUT, UNANSWERED, RequestSpec, Share

SWEEP_S: Final = 0.1
LONGEST_SWEEP_S: Final = 1.0
SWEEP_SHARE: Final = 0.02
CONNECTING_AT_ONCE: Final = 200


def rotation(requests: Iterable[RequestSpec]) -> list[RequestSpec]:
    """The mix as one round of requests, each spread evenly over it: weights 8, 1, 1 give ten, not eight in a row."""
    placed = [
        ((position + 0.5) / request.weight, order, request)
        for order, request in enumerate(requests)
        for position in range(request.weight)
    ]
    return [request for _, _, request in sorted(placed, key=lambda entry: entry[:2])]


class Target:
    """What the users of one target share.

    `rounds` is one round of the mix as (bytes to send, expected status); `stopping` is read by each user before it
    sends; `connected` counts the users that ever were, `refusals` the attempts that failed; `gate` is None where users
    begin as soon as they are connected, else it holds how to begin each that waits for `open_gate`; `connecting` bounds
    how many connect at the same time, because a server's backlog is finite. Where it is `stamped`, each request says
    when it was sent.
    """

    def __init__(
        self,
        host: str,
        port: int,
        requests: tuple[RequestSpec, ...],
        recorder: Recorder,
        timeout_s: float = 30.0,
        stamped: bool = False,
    ) -> None:
        self.requests = requests
        self.connection_class = StampedConnection if stamped else Connection
        self.recorder = recorder
        self.timeout_s = timeout_s
        self.stopping = False
        self.connected = 0
        self.refusals = 0
        self.gate: list[Callable[[], None]] | None = None
        self.connections: set[Connection] = set()
        self.connecting = BoundedSemaphore(CONNECTING_AT_ONCE)
        self._launched = 0
        self.aim(host, port)

    def aim(self, host: str, port: int) -> None:
        """Load the server at this address from now on; for users that are not yet there."""
        self.host, self.port = host, port
        self.rounds = [(encode(request, host, port), request.expect) for request in rotation(self.requests)]

    def open_gate(self, span_s: float, share: Share = ALONE) -> None:
        """Let the waiting users begin, evenly spread over `span_s` and between those of the other load processes.

        Users that begin together stay together where every answer takes the same time, and then a window counts whole
        waves of them instead of requests.
        """
        waiting, self.gate = self.gate or [], None
        start_ns = now_ns()
        for number, begin in enumerate(waiting):
            ahead_s = (number + share.index / share.of) / len(waiting) * span_s - (now_ns() - start_ns) / 1e9
            if ahead_s > 0:
                gevent.sleep(ahead_s)
            begin()

    def start_position(self) -> int:
        """Where in the round the next user begins: each one further on, so that the mix is even at every moment."""
        position = self._launched % len(self.rounds)
        self._launched += 1
        return position

    @property
    def in_flight(self) -> int:
        return sum(connection.in_flight for connection in self.connections)

    def sweep_forever(self) -> None:
        """Fail every request that is older than the time-out: one greenlet for all, instead of a timer for each."""
        period_s = min(max(SWEEP_SHARE * self.timeout_s, SWEEP_S), LONGEST_SWEEP_S)
        while True:
            gevent.sleep(period_s)
            oldest_ns = now_ns() - int(self.timeout_s * 1e9)
            for connection in list(self.connections):
                if connection.in_flight and connection.sent_ns < oldest_ns:
                    connection.fail(TIMEOUT)

    def drain(self, limit_s: float) -> None:
        """Send nothing more, wait for what is in flight, and count as failed what has no answer after `limit_s`."""
        self.stopping = True
        deadline_ns = now_ns() + int(limit_s * 1e9)
        while self.in_flight and now_ns() < deadline_ns:
            gevent.sleep(0.005)
        for connection in list(self.connections):
            if connection.in_flight:
                connection.fail(UNANSWERED)
