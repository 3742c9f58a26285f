"""The neighbour: a low-rate probe of a trivial endpoint on the same server, on a schedule that waits for nobody."""

from __future__ import annotations

from collections import Counter

import gevent
from gevent.event import Event
from gevent.pool import Group

from scenarios.engine.connection import Connection, cause_of, encode, now_ns
from scenarios.wire.histogram import Histogram
from scenarios.wire.protocol import TIMEOUT, UNANSWERED, RequestSpec


class Bystander:
    """Probes `path` `rate_rps` times a second on an absolute schedule (open loop).

    Latency is charged from the time at which a probe was due, so that a server that answers nobody for a second is
    seen as a second, and not as one slow answer among few. Each probe has a connection to itself while it waits.
    """

    def __init__(self, host: str, port: int, path: str, rate_rps: float, timeout_s: float) -> None:
        self._host = host
        self._port = port
        self._request = encode(RequestSpec(path), host, port)
        self._period_ns = int(1e9 / rate_rps)
        self._timeout_s = timeout_s
        self._idle: list[_Probe] = []
        self._waiting = Group()
        self.latency = Histogram()
        self.answered: list[tuple[int, int]] = []
        """Every probe that was answered: when it was due, in ns, and its latency in µs."""
        self.failures: Counter[str] = Counter()

    def prepare(self) -> None:
        """Open one connection before the window, so that the first probe is not charged for it."""
        probe = _Probe(self._host, self._port)
        try:
            probe.connection.open(self._timeout_s)
        except OSError:
            return
        self._idle.append(probe)

    def run(self, open_ns: int, close_ns: int) -> None:
        """Send a probe at each due time in [`open_ns`, `close_ns`)."""
        due_ns = open_ns + self._period_ns // 2
        while due_ns < close_ns:
            gevent.sleep(max(0.0, (due_ns - now_ns()) / 1e9))
            self._waiting.spawn(self._probe, due_ns)
            due_ns += self._period_ns

    def drain(self, limit_s: float) -> None:
        """Wait for the probes in flight, count as failed those without an answer, and close every connection."""
        self._waiting.join(timeout=limit_s)
        unanswered = len(self._waiting)
        if unanswered:
            self.failures[UNANSWERED] += unanswered
            self._waiting.kill()
        for probe in self._idle:
            probe.connection.close()

    def _probe(self, due_ns: int) -> None:
        probe = self._idle.pop() if self._idle else _Probe(self._host, self._port)
        try:
            if not probe.connection.is_open:
                probe.connection.open(self._timeout_s)
            probe.ask(self._request, self._timeout_s)
        except OSError as error:
            self.failures[cause_of(error)] += 1
            return
        except gevent.GreenletExit:
            probe.connection.close()
            return
        if probe.status == 200:
            self.latency.record((probe.end_ns - due_ns) // 1000)
            self.answered.append((due_ns, (probe.end_ns - due_ns) // 1000))
        else:
            self.failures[probe.cause or f"status {probe.status}"] += 1
        self._idle.append(probe)


class _Probe:
    """A connection whose one answer is waited for; the time of the answer is the hub's, not the greenlet's."""

    def __init__(self, host: str, port: int) -> None:
        self.connection = Connection(host, port, self._answered, self._cut_off)
        self.status = 0
        self.cause: str | None = None
        self.end_ns = 0
        self._done = Event()

    def ask(self, request: bytes, timeout_s: float) -> None:
        self.status, self.cause = 0, None
        self._done.clear()
        self.connection.send(request)
        if not self._done.wait(timeout_s):
            self.connection.fail(TIMEOUT)

    def _answered(self, status: int, end_ns: int) -> None:
        self.status, self.end_ns = status, end_ns
        self._done.set()

    def _cut_off(self, cause: str | None, end_ns: int) -> None:
        self.cause, self.end_ns = cause, end_ns
        self._done.set()
