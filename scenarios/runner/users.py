"""The Locust users. Each has one connection, and one parked greenlet that owns it."""

from __future__ import annotations

from typing import Any, ClassVar, Final

import gevent
from gevent.event import Event
from locust import User, task

from scenarios.engine.connection import cause_of, now_ns
from scenarios.engine.open_loop import Dispatcher
from scenarios.engine.target import Target

BACK_OFF_S: Final = 0.01
LONGEST_BACK_OFF_S: Final = 1.0


class ConnectionUser(User):
    """Keeps one connection to the target.

    The greenlet connects, and reconnects when the connection is lost. Otherwise it sleeps, while callbacks on the hub
    send the requests. So Locust's spawning, ramps, web UI and workers handle an ordinary user.
    """

    abstract = True
    target: ClassVar[Target]

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        # Python finds attributes of the instance faster than those of the class.
        self._target = self.target
        self._recorder = self.target.recorder
        self._lost = Event()
        self._losses = 0
        self.connection = self.target.connection_class(
            self.target.host, self.target.port, self._answered, self._cut_off
        )

    @task
    def drive(self) -> None:
        """Keep the connection open and busy until this user is stopped."""
        target, ever_connected = self.target, False
        target.connections.add(self.connection)
        try:
            while True:
                if not target.stopping:
                    if self._losses:
                        gevent.sleep(min(BACK_OFF_S * 2 ** (self._losses - 1), LONGEST_BACK_OFF_S))
                    if not self._connect():
                        continue
                    if not ever_connected:
                        ever_connected = True
                        target.connected += 1
                    self._ready()
                self._lost.wait()
                self._lost.clear()
        finally:
            target.connections.discard(self.connection)
            self.connection.close()

    def _connect(self) -> bool:
        started_ns = now_ns()
        try:
            with self.target.connecting:
                self.connection.open(self.target.timeout_s)
        except OSError as error:
            self._losses = min(self._losses + 1, 16)
            self.target.refusals += 1
            self._recorder.failure(cause_of(error), started_ns, now_ns())
            return False
        return True

    def _cut_off(self, cause: str | None, end_ns: int) -> None:
        if cause is not None:
            self._losses = min(self._losses + 1, 16)
            self._recorder.lost += 1
            self._recorder.failure(cause, self._due_ns(), end_ns)
        self._lost.set()

    def _ready(self) -> None:
        """Use the connection, which is now open and idle. The closed and the open loop differ here."""
        raise NotImplementedError

    def _answered(self, status: int, end_ns: int) -> None:
        """Record the answer to the request in flight, and continue with the connection."""
        raise NotImplementedError

    def _due_ns(self) -> int:
        """Return when the request in flight was due, in `time.monotonic_ns()`."""
        return self.connection.sent_ns


class ClosedLoopUser(ConnectionUser):
    """Sends the target's requests one after the other, each `think_s` seconds after the answer to the previous one."""

    abstract = True
    think_s: ClassVar[float] = 0.0

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self._rounds = self.target.rounds
        self._position = self.target.start_position()
        self._expect = 0
        self._pause: Any = None
        self._think_s = self.think_s

    def _ready(self) -> None:
        if self._target.gate is None:
            self._next()
        else:
            self._target.gate.append(self._next)

    def _next(self) -> None:
        if self._target.stopping or not self.connection.is_open:
            return
        request, self._expect = self._rounds[self._position]
        self._position = (self._position + 1) % len(self._rounds)
        self.connection.send(request)

    def _answered(self, status: int, end_ns: int) -> None:
        # This is the hot path, so it repeats the body of `_next` instead of calling it.
        recorder, connection = self._recorder, self.connection
        recorder.answered += 1
        if status == self._expect:
            self._losses = 0
            recorder.success(connection.sent_ns, end_ns)
        else:
            recorder.failure(f"status {status}", connection.sent_ns, end_ns)
        if connection.socket is None:
            self._lost.set()
        elif self._think_s:
            self._think()
        elif not self._target.stopping:
            position = self._position
            request, self._expect = self._rounds[position]
            self._position = (position + 1) % len(self._rounds)
            connection.send(request)

    def _think(self) -> None:
        if self._pause is not None:
            self._pause.close()
        self._pause = gevent.get_hub().loop.timer(self._think_s)
        self._pause.start(self._next)


class OpenLoopUser(ConnectionUser):
    """Lends its connection to the dispatcher, which sends each due request over an idle connection."""

    abstract = True
    dispatcher: ClassVar[Dispatcher]

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self._expect = 0
        self._due = 0

    def fire(self, request: bytes, expect: int, due_ns: int) -> None:
        """Send the request that was due at `due_ns`, and count a status other than `expect` as a failure."""
        self._expect, self._due = expect, due_ns
        self.connection.send(request)

    def _ready(self) -> None:
        self.dispatcher.free(self)

    def _answered(self, status: int, end_ns: int) -> None:
        recorder, connection = self._recorder, self.connection
        recorder.answered += 1
        if status == self._expect:
            self._losses = 0
            recorder.success_due(self._due, connection.sent_ns, end_ns)
        else:
            recorder.failure(f"status {status}", self._due, end_ns)
        if connection.socket is None:
            self._lost.set()
        else:
            self.dispatcher.free(self)

    def _cut_off(self, cause: str | None, end_ns: int) -> None:
        self.dispatcher.lost(self)
        super()._cut_off(cause, end_ns)

    def _due_ns(self) -> int:
        return self._due


def closed_loop_user(name: str, target: Target, think_s: float = 0.0) -> type[ConnectionUser]:
    """Return a Locust user class of this name, whose users load the target in a closed loop."""
    return _user_class(name, ClosedLoopUser, target, think_s=think_s)


def open_loop_user(name: str, target: Target, dispatcher: Dispatcher) -> type[ConnectionUser]:
    """Return a Locust user class of this name, whose users send the dispatcher's requests."""
    return _user_class(name, OpenLoopUser, target, dispatcher=dispatcher)


def _user_class(name: str, base: type[ConnectionUser], target: Target, **more: Any) -> type[ConnectionUser]:
    return type(name, (base,), {"target": target, "abstract": False, "host": f"http://{target.host}", **more})
