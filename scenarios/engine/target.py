"""A target: the requests of its mix, their order, and the connections that load it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import gevent
from gevent.lock import BoundedSemaphore

from scenarios.engine.connection import Connection, StampedConnection, encode, now_ns
from scenarios.engine.recorder import Recorder
from scenarios.wire.protocol import ALONE, REQUEST_TIMEOUT_S, TIMEOUT, UNANSWERED, RequestSpec, Share

SWEEP_S: Final = 0.1
LONGEST_SWEEP_S: Final = 1.0
SWEEP_SHARE: Final = 0.02
CONNECTING_AT_ONCE: Final = 200


def rotation(requests: Iterable[RequestSpec]) -> list[RequestSpec]:
    """Return one round of the mix, in which each request occurs `weight` times, evenly spread.

    Weights of 8, 1 and 1 give ten requests, in which the other two interrupt the eight equal ones.
    """
    placed = [
        ((position + 0.5) / request.weight, order, request)
        for order, request in enumerate(requests)
        for position in range(request.weight)
    ]
    return [request for _, _, request in sorted(placed, key=lambda entry: entry[:2])]


class Target:
    """The state that the users of one target share. Where it is `stamped`, each request carries its send time.

    Attributes:
        rounds: one round of the mix, as (bytes to send, expected status).
        stopping: whether users must not send any more; each user reads it before it sends.
        connected: how many users have connected at least once.
        refusals: how many attempts to connect failed.
        gate: the callbacks that start the users who wait for `open_gate`; None where each starts when it has connected.
        connections: the connections of the running users, open or not.
        connecting: limits how many users connect at the same time, because a server's backlog is finite.
    """

    def __init__(
        self,
        host: str,
        port: int,
        requests: tuple[RequestSpec, ...],
        recorder: Recorder,
        timeout_s: float = REQUEST_TIMEOUT_S,
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
        """Load the server at this address. Users that already exist keep their address."""
        self.host, self.port = host, port
        self.rounds = [(encode(request, host, port), request.expect) for request in rotation(self.requests)]

    def open_gate(self, span_s: float, share: Share = ALONE) -> None:
        """Start the waiting users, evenly spread over `span_s` seconds and between those of other load processes.

        Users that start together send together as long as all answers take the same time. A window would then count
        whole waves of requests, and its throughput would jump by a wave.
        """
        waiting, self.gate = self.gate or [], None
        start_ns = now_ns()
        for number, begin in enumerate(waiting):
            ahead_s = (number + share.index / share.of) / len(waiting) * span_s - (now_ns() - start_ns) / 1e9
            if ahead_s > 0:
                gevent.sleep(ahead_s)
            begin()

    def start_position(self) -> int:
        """Return the next user's first position in the round: one further for each user, so that the mix stays even."""
        position = self._launched % len(self.rounds)
        self._launched += 1
        return position

    @property
    def in_flight(self) -> int:
        return sum(connection.in_flight for connection in self.connections)

    def sweep_forever(self) -> None:
        """Fail each request that is older than the time-out, until killed.

        One greenlet for all requests is cheaper than a timer for each.
        """
        period_s = min(max(SWEEP_SHARE * self.timeout_s, SWEEP_S), LONGEST_SWEEP_S)
        while True:
            gevent.sleep(period_s)
            oldest_ns = now_ns() - int(self.timeout_s * 1e9)
            for connection in list(self.connections):
                if connection.in_flight and connection.sent_ns < oldest_ns:
                    connection.fail(TIMEOUT)

    def drain(self, limit_s: float) -> None:
        """Send nothing more, await the requests in flight, and fail those without an answer after `limit_s` seconds."""
        self.stopping = True
        deadline_ns = now_ns() + int(limit_s * 1e9)
        while self.in_flight and now_ns() < deadline_ns:
            gevent.sleep(0.005)
        for connection in list(self.connections):
            if connection.in_flight:
                connection.fail(UNANSWERED)
