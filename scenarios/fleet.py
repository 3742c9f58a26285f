"""The connections that load one target together: its requests, their order, and the end of them all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import gevent

from scenarios.connection import Connection, encode, now_ns
from scenarios.protocol import RequestSpec
from scenarios.recorder import Recorder

SWEEP_S: Final = 0.05


def rotation(requests: Iterable[RequestSpec]) -> list[RequestSpec]:
    """The mix as one round of requests, each spread evenly over it: weights 8, 1, 1 give ten, not eight in a row."""
    placed = [
        ((position + 0.5) / request.weight, order, request)
        for order, request in enumerate(requests)
        for position in range(request.weight)
    ]
    return [request for _, _, request in sorted(placed, key=lambda entry: entry[:2])]


@dataclass(slots=True)
class Fleet:
    """What the users of one target share. `stopping` is read by each before it sends its next request."""

    host: str
    port: int
    requests: tuple[RequestSpec, ...]
    recorder: Recorder
    timeout_s: float = 30.0
    stopping: bool = False
    connections: set[Connection] = field(default_factory=set)
    rounds: list[tuple[bytes, int]] = field(init=False)
    launched: int = 0

    def __post_init__(self) -> None:
        self.aim(self.host, self.port)

    def aim(self, host: str, port: int) -> None:
        """Load the server at this address from now on; for users that are not yet there."""
        self.host, self.port = host, port
        self.rounds = [(encode("GET", request.path, host, port), request.expect) for request in rotation(self.requests)]

    def start_position(self) -> int:
        """Where in the round the next user begins: each one further on, so that the mix is even at every moment."""
        position = self.launched % len(self.rounds)
        self.launched += 1
        return position

    @property
    def in_flight(self) -> int:
        return sum(connection.in_flight for connection in self.connections)

    def sweep_forever(self) -> None:
        """Fail every request that is older than the time-out: one greenlet for all, instead of a timer for each."""
        while True:
            gevent.sleep(SWEEP_S)
            oldest_ns = now_ns() - int(self.timeout_s * 1e9)
            for connection in list(self.connections):
                if connection.in_flight and connection.sent_ns < oldest_ns:
                    connection.fail("timeout")

    def drain(self, limit_s: float) -> None:
        """Send nothing more, wait for what is in flight, and count as failed what has no answer after `limit_s`."""
        self.stopping = True
        deadline_ns = now_ns() + int(limit_s * 1e9)
        while self.in_flight and now_ns() < deadline_ns:
            gevent.sleep(0.005)
        for connection in list(self.connections):
            if connection.in_flight:
                connection.fail("unanswered when the drain ended")
