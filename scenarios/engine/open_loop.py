"""The open loop: what is due is sent over whichever connection is free, and waits for none of the answers."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final, Protocol

from scenarios.engine.connection import now_ns
from scenarios.engine.target import Target
from scenarios.engine.timer import Timer

BURST: Final = 256
"""The most requests sent in one go, so that answers are read in between when the schedule has to be caught up with."""


LONGEST_QUEUE: Final = 100_000
"""The most requests that wait for a connection; beyond that what is due is dropped at once, or memory would be."""


class Carrier(Protocol):
    """A user whose connection the dispatcher may send over."""

    def fire(self, request: bytes, expect: int, due_ns: int) -> None:
        """Send the request that was due at `due_ns`."""


class Dispatcher:
    """Sends each request at its due time over the connection that has been idle longest.

    What is due while none is idle waits in line, and is dropped when it has waited for the target's time-out: by then
    it would have failed anyway.
    """

    def __init__(self, target: Target, due: Iterator[int]) -> None:
        self._target = target
        self._due = due
        self._idle: deque[Carrier] = deque()
        self._waiting: deque[int] = deque()
        self._position = 0
        self._start_ns = self._next_ns = self._stop_ns = 0
        self._timer = Timer(self._ring)

    def start(self, start_ns: int, stop_ns: int) -> None:
        """Send what is due from `start_ns` until `stop_ns`."""
        self._start_ns, self._stop_ns = start_ns, stop_ns
        self._advance()
        self._timer.set(self._next_ns)

    def stop(self) -> None:
        """Let nothing more become due."""
        self._stop_ns = min(self._stop_ns, self._next_ns)

    def close(self) -> None:
        """Send nothing more, and count as dropped what still waits."""
        self._timer.close()
        while self._waiting:
            self._target.recorder.drop(self._waiting.popleft())

    @property
    def waiting(self) -> int:
        """How many requests are due and not sent."""
        return len(self._waiting)

    def free(self, carrier: Carrier) -> None:
        """Take this carrier's connection, which is open and idle."""
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
        """Forget this carrier until it is free again."""
        try:
            self._idle.remove(carrier)
        except ValueError:
            return

    def _ring(self) -> None:
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
