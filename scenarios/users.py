"""The Locust user: one connection in a closed loop, and one parked greenlet that owns it."""

from __future__ import annotations

from typing import Any, ClassVar, Final

import gevent
from gevent.event import Event
from locust import User, task

from scenarios.connection import Connection, cause_of, now_ns
from scenarios.fleet import Fleet

BACK_OFF_S: Final = 0.01
LONGEST_BACK_OFF_S: Final = 1.0


class ConnectionUser(User):
    """Sends the fleet's requests one after the other, each as soon as the one before it is answered.

    The greenlet only connects, and connects again when the connection was lost; between that it sleeps, and the hub's
    callbacks do the work. So spawning, ramps, the web UI and workers see an ordinary user.
    """

    abstract = True
    fleet: ClassVar[Fleet]

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        fleet = self.fleet
        self._recorder = fleet.recorder
        self._rounds = fleet.rounds
        self._position = fleet.start_position()
        self._expect = 0
        self._lost = Event()
        self.connection = Connection(fleet.host, fleet.port, self._answered, self._cut_off)

    @task
    def drive(self) -> None:
        """Keep the connection open and busy until this user is stopped."""
        fleet, back_off_s = self.fleet, BACK_OFF_S
        fleet.connections.add(self.connection)
        try:
            while True:
                if fleet.stopping:
                    self._lost.wait()
                    self._lost.clear()
                    continue
                started_ns = now_ns()
                try:
                    self.connection.open(fleet.timeout_s)
                except OSError as error:
                    self._recorder.failure(cause_of(error), started_ns, now_ns())
                    gevent.sleep(back_off_s)
                    back_off_s = min(back_off_s * 2, LONGEST_BACK_OFF_S)
                    continue
                self._lost.clear()
                self._next()
                self._lost.wait()
                gevent.sleep(back_off_s if self.connection.sent_ns < started_ns else 0)
                back_off_s = BACK_OFF_S
        finally:
            fleet.connections.discard(self.connection)
            self.connection.close()

    def _next(self) -> None:
        request, self._expect = self._rounds[self._position]
        self._position += 1
        if self._position == len(self._rounds):
            self._position = 0
        self.connection.send(request)

    def _answered(self, status: int, end_ns: int) -> None:
        sent_ns = self.connection.sent_ns
        if status == self._expect:
            self._recorder.success(sent_ns, end_ns)
        else:
            self._recorder.failure(f"status {status}", sent_ns, end_ns)
        if self.fleet.stopping:
            return
        if self.connection.is_open:
            self._next()
        else:
            self._lost.set()

    def _cut_off(self, cause: str | None, end_ns: int) -> None:
        if cause is not None:
            self._recorder.failure(cause, self.connection.sent_ns, end_ns)
        self._lost.set()


def user_class(name: str, fleet: Fleet) -> type[ConnectionUser]:
    """A Locust user class of that name whose users load that fleet's target."""
    return type(name, (ConnectionUser,), {"fleet": fleet, "abstract": False, "host": f"http://{fleet.host}"})
