"""The open loop: a dispatcher sends each request at its due time over any idle connection, without awaiting answers."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final, Protocol

from scenarios.engine.connection import now_ns
from scenarios.engine.target import Target
from scenarios.engine.timer import Timer

BURST: Final = 256
"""The most requests sent in one callback, so that the hub reads answers in between while the dispatcher catches up."""

LONGEST_QUEUE: Final = 100_000
"""The most requests that wait for a connection. Further ones are dropped at once, to bound the memory."""


class Carrier(Protocol):
    """A user that sends the dispatcher's requests over its connection."""

    def fire(self, request: bytes, expect: int, due_ns: int) -> None:
        """Send the request that was due at `due_ns`, and count a status other than `expect` as a failure."""


class Dispatcher:
    """Sends each request at its due time over the connection that has been idle longest.

    A request that becomes due while no connection is idle waits in a queue. The dispatcher drops it once it has waited
    as long as the target's time-out, because a sent request would have failed by then.
    """

    def __init__(self, target: Target, due: Iterator[int]) -> None:
        self._target = target
        self._due = due
        self._idle: deque[Carrier] = deque()
        self._waiting: deque[int] = deque()
        self._position = 0
        self._start_ns = self._next_ns = self._stop_ns = 0
        self._timer = Timer(self._send_due)

    def start(self, start_ns: int, stop_ns: int) -> None:
        """Send the requests that become due from `start_ns` to `stop_ns` (`time.monotonic_ns()`)."""
        self._start_ns, self._stop_ns = start_ns, stop_ns
        self._advance()
        self._timer.set(self._next_ns)

    def stop(self) -> None:
        """Let no further request become due. Those that wait are still sent."""
        self._stop_ns = min(self._stop_ns, self._next_ns)

    def close(self) -> None:
        """Send nothing more, and count the waiting requests as dropped."""
        self._timer.close()
        while self._waiting:
            self._target.recorder.drop(self._waiting.popleft())

    @property
    def waiting(self) -> int:
        """Return how many requests are due and not sent."""
        return len(self._waiting)

    def free(self, carrier: Carrier) -> None:
        """Use this carrier, whose connection is open and idle, for the next request."""
        waiting = self._waiting
        if waiting:
            oldest_ns = now_ns() - int(self._target.timeout_s * 1e9)
            while waiting and waiting[0] < oldest_ns:
                self._target.recorder.drop(waiting.popleft())
            if waiting:
                self._send(carrier, waiting.popleft())
                return
        self._idle.append(carrier)

    def lost(self, carrier: Carrier) -> None:
        """Stop using this carrier until it is free again."""
        try:
            self._idle.remove(carrier)
        except ValueError:
            return

    def _send_due(self) -> None:
        moment_ns = now_ns()
        for _ in range(BURST):
            if self._next_ns > moment_ns or self._next_ns >= self._stop_ns:
                break
            due_ns = self._next_ns
            self._advance()
            if self._idle:
                self._send(self._idle.popleft(), due_ns)
            elif len(self._waiting) < LONGEST_QUEUE:
                self._waiting.append(due_ns)
            else:
                self._target.recorder.drop(due_ns)
        if self._next_ns < self._stop_ns:
            self._timer.set(self._next_ns)

    def _advance(self) -> None:
        self._next_ns = self._start_ns + next(self._due)

    def _send(self, carrier: Carrier, due_ns: int) -> None:
        rounds = self._target.rounds
        request, expect = rounds[self._position % len(rounds)]
        self._position += 1
        carrier.fire(request, expect, due_ns)
