"""Victims: low-rate probes of a trivial endpoint on the loaded server, on a schedule that no answer delays.

A warm victim probes on connections that were opened before the load. A cold victim opens a new connection for each
probe. They are measured separately, because a busy server may answer on open connections and accept no new ones.
"""

from __future__ import annotations

from collections import Counter, deque
from math import ceil
from typing import Final

import gevent

from scenarios.engine.connection import Connection, cause_of, encode, now_ns
from scenarios.engine.timer import Timer
from scenarios.wire.histogram import Histogram
from scenarios.wire.protocol import TIMEOUT, UNANSWERED, RequestSpec
from scenarios.wire.victim import Victim, VictimSpec

FEWEST_KEPT, MOST_KEPT = 2, 64
"""Limits for the connections of a warm victim, which has as many as it sends probes in a window."""

GREETING_S: Final = 1.0


class VictimProbes:
    """The probes of one victim. Latency counts from the time at which a probe was due.

    So a server that stops answering for a second delays every probe that is due in that second. A probe of a warm
    victim waits while all connections are in use, and its latency includes the wait. A probe that is answered after the
    load has ended would have taken longer under load. It is recorded and marked as a lower bound (censored).
    """

    def __init__(self, host: str, port: int, spec: VictimSpec, timeout_s: float) -> None:
        self.name = spec.name
        self._host, self._port = host, port
        self._cold = spec.cold
        self._request = encode(RequestSpec(spec.path), host, port)
        self._period_ns = int(1e9 / spec.rate_rps)
        self._timeout_s = timeout_s
        self._open_ns = self._close_ns = self._next_ns = 0
        self._load_ended_ns: int | None = None
        self._timer = Timer(self._send_due)
        self._idle: deque[_Probe] = deque()
        self._kept: list[_Probe] = []
        self._queue: deque[int] = deque()
        self._out: dict[_Probe, int] = {}
        self._latency, self._censored = Histogram(), Histogram()
        self._answered: list[tuple[int, int]] = []
        self._failures: Counter[str] = Counter()

    def prepare(self, window_s: float) -> None:
        """Open the connections of a warm victim and send one request on each, so that the server has accepted them.

        Call this before the load starts, because on some event loops a busy server accepts no connection. `window_s` is
        the length of the window in seconds.
        """
        if self._cold:
            return
        wanted = min(max(ceil(window_s * 1e9 / self._period_ns), FEWEST_KEPT), MOST_KEPT)
        for _ in range(wanted):
            probe = _Probe(self, self._host, self._port)
            try:
                probe.connection.open(GREETING_S)
            except OSError:
                break
            self._kept.append(probe)
            probe.greet(self._request)
        deadline_ns = now_ns() + int(GREETING_S * 1e9)
        while len(self._idle) < len(self._kept) and now_ns() < deadline_ns:
            gevent.sleep(0.001)

    def start(self, open_ns: int, close_ns: int) -> None:
        """Send a probe at each due time in [`open_ns`, `close_ns`), in `time.monotonic_ns()`."""
        self._open_ns, self._close_ns = open_ns, close_ns
        self._next_ns = open_ns + self._period_ns // 2
        self._timer.set(self._next_ns)

    @property
    def outstanding(self) -> int:
        """Return how many probes are due and not answered."""
        return len(self._out) + len(self._queue)

    def load_ended(self) -> None:
        """Mark the latencies of answers from now on as lower bounds."""
        self._load_ended_ns = now_ns()

    def drain(self, deadline_ns: int) -> None:
        """Await the outstanding probes, count those without an answer at the deadline, and close every connection."""
        while self.outstanding and now_ns() < deadline_ns:
            gevent.sleep(0.005)
        self._timer.close()
        end_ns = now_ns()
        for due_ns in [*self._out.values(), *self._queue]:
            self._failures[UNANSWERED] += 1
            self._record(due_ns, end_ns, censored=True)
        for probe in {*self._out, *self._kept}:
            probe.give_up()
        self._out.clear()
        self._queue.clear()

    def result(self) -> Victim:
        """Return the latencies and failures of all probes. Call this after `drain`."""
        return Victim(
            latency=self._latency.distribution(),
            censored=self._censored.distribution(),
            failures=dict(self._failures),
            probes=tuple(
                ((due_ns - self._open_ns) // 1_000_000, latency_us) for due_ns, latency_us in sorted(self._answered)
            ),
        )

    def _send_due(self) -> None:
        moment_ns = now_ns()
        while self._next_ns <= moment_ns and self._next_ns < self._close_ns:
            self._send(self._next_ns)
            self._next_ns += self._period_ns
        if self._next_ns < self._close_ns:
            self._timer.set(self._next_ns)

    def _send(self, due_ns: int) -> None:
        if self._cold:
            probe = _Probe(self, self._host, self._port)
            self._out[probe] = due_ns
            gevent.spawn(probe.connect_and_ask, self._request, self._timeout_s)
        elif self._idle:
            self._ask(self._idle.popleft(), due_ns)
        else:
            self._queue.append(due_ns)

    def _ask(self, probe: _Probe, due_ns: int) -> None:
        self._out[probe] = due_ns
        probe.connection.send(self._request)

    def ended(self, probe: _Probe, status: int, cause: str | None, end_ns: int) -> None:
        """Record the end of a probe. A warm connection that is still open takes the next probe."""
        due_ns = self._out.pop(probe, None)
        if due_ns is not None:
            if status == 200:
                late = self._load_ended_ns is not None and end_ns > self._load_ended_ns
                self._record(due_ns, end_ns, censored=late)
            else:
                self._failures[cause or f"status {status}"] += 1
        if self._cold:
            probe.connection.close()
        else:
            self.freed(probe)

    def freed(self, probe: _Probe) -> None:
        """Give an open connection the probe that has waited longest, or keep it until one is due."""
        if not probe.connection.is_open:
            return
        if self._queue:
            self._ask(probe, self._queue.popleft())
        else:
            self._idle.append(probe)

    def _record(self, due_ns: int, end_ns: int, *, censored: bool) -> None:
        latency_us = (end_ns - due_ns) // 1000
        self._latency.record(latency_us)
        self._answered.append((due_ns, latency_us))
        if censored:
            self._censored.record(latency_us)


class _Probe:
    """A connection that carries one probe at a time. The hub takes the answer's time, before a greenlet switch."""

    def __init__(self, probes: VictimProbes, host: str, port: int) -> None:
        self._probes = probes
        self._greeting = False
        self.connection = Connection(host, port, self._answered, self._cut_off)

    def greet(self, request: bytes) -> None:
        """Send one request that is not recorded; when its answer comes, the connection is free for probes."""
        self._greeting = True
        self.connection.send(request)

    def connect_and_ask(self, request: bytes, timeout_s: float) -> None:
        """Connect and send. Call this in a separate greenlet, which is parked until the connection is open."""
        try:
            self.connection.open(timeout_s)
        except OSError as error:
            self._probes.ended(self, 0, cause_of(error) if not isinstance(error, TimeoutError) else TIMEOUT, now_ns())
            return
        self.connection.send(request)

    def give_up(self) -> None:
        """Close without reporting a request in flight."""
        self.connection.close()

    def _answered(self, status: int, end_ns: int) -> None:
        if self._greeting:
            self._greeting = False
            self._probes.freed(self)
        else:
            self._probes.ended(self, status, None, end_ns)

    def _cut_off(self, cause: str | None, end_ns: int) -> None:
        if self._greeting:
            self._greeting = False
        elif cause is not None:
            self._probes.ended(self, 0, cause, end_ns)
