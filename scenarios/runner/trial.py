"""One trial: connect, warm up, count within a window, drain."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Final

import gevent
from gevent.event import Event
from locust.env import Environment
from locust.runners import LocalRunner

from scenarios.engine.connection import now_ns
from scenarios.engine.open_loop import Dispatcher
from scenarios.engine.recorder import Recorder
from scenarios.engine.target import Target
from scenarios.engine.timer import Timer
from scenarios.engine.usage import Usage
from scenarios.engine.victims import VictimProbes
from scenarios.runner.users import ConnectionUser, closed_loop_user, open_loop_user
from scenarios.wire.arrivals import due_times
from scenarios.wire.histogram import Histogram
from scenarios.wire.protocol import ALONE, STAGGER, OpenLoop, Share, TrialOrder, TrialResult, slice_s

CONNECT_LIMIT_S: Final = 10.0
PATIENCE_S: Final = 2.0
LAG_PERIOD_NS: Final = 10_000_000
READ_AHEAD_NS: Final = 15_000_000
"""How long before the window the usage is read. The reading takes a few milliseconds."""
LEAST_COOL_DOWN_NS: Final = 20_000_000
COOL_DOWN_NS: Final = 250_000_000


def run_trial(environment: Environment, order: TrialOrder) -> TrialResult:
    """Run the order on the environment's local runner, and return its result once all users are stopped."""
    runner = environment.runner
    assert isinstance(runner, LocalRunner)
    measurement = Measurement(order)
    environment.user_classes[:] = [measurement.user_class]
    runner.start(order.load.users, spawn_rate=order.load.users)
    try:
        measurement.await_users(order.load.users)
        return measurement.measure()
    finally:
        runner.stop()


def user_class_name(order: TrialOrder) -> str:
    """Return the name of the user class of a trial, which is the same in every process."""
    return "".join(filter(str.isalnum, order.name))


class Measurement:
    """The share of a trial that one process runs, from the order to the result. Locust starts and stops the users."""

    def __init__(self, order: TrialOrder, share: Share = ALONE) -> None:
        self._order = order
        self._share = share
        # The window is empty until its times are known, so that nothing before it is counted.
        self._recorder = Recorder(open_ns=0, close_ns=0)
        self._target = Target(order.host, order.port, order.requests, self._recorder, order.timeout_s, order.stamped)
        self._dispatcher: Dispatcher | None = None
        self._target.gate = []
        name, load = user_class_name(order), order.load
        if isinstance(load, OpenLoop):
            due = due_times(load.arrivals, load.rate_rps, load.seed)
            # The shares of all processes together give the same schedule as a single process.
            self._dispatcher = Dispatcher(self._target, islice(due, share.index, None, share.of))
            self.user_class: type[ConnectionUser] = open_loop_user(name, self._target, self._dispatcher)
        else:
            self.user_class = closed_loop_user(name, self._target, load.think_s)

    def await_users(self, users: int) -> None:
        """Wait until `users` users have connected.

        Give up after 10 s, or after 2 s without progress once as many attempts have failed as there are users.
        """
        target, seen = self._target, 0
        deadline_ns = now_ns() + int(CONNECT_LIMIT_S * 1e9)
        patience_ns = now_ns() + int(PATIENCE_S * 1e9)
        while target.connected < users and now_ns() < deadline_ns:
            if target.connected > seen or target.refusals < users:
                seen, patience_ns = target.connected, now_ns() + int(PATIENCE_S * 1e9)
            elif now_ns() > patience_ns:
                break
            gevent.sleep(0.002)

    def measure(self) -> TrialResult:
        """Warm up, count, cool down and drain, and return the result. Locust must have started the users before."""
        order, recorder, target, dispatcher = self._order, self._recorder, self._target, self._dispatcher
        victims = self._prepared_victims()
        start_ns = now_ns()
        recorder.open_ns = start_ns + max(int(order.warmup_s * 1e9), READ_AHEAD_NS)
        recorder.close_ns = recorder.open_ns + int(order.window_s * 1e9)
        lag, usage = Histogram(), Usage(order.watch, order.loop_threads)
        companions = [
            gevent.spawn(target.sweep_forever),
            gevent.spawn(_watch_lag, lag, recorder),
            gevent.spawn(_roll_each_slice, recorder, int(slice_s(order.window_s) * 1e9)),
        ]
        if dispatcher is None:
            companions.append(gevent.spawn(target.open_gate, STAGGER * order.warmup_s, self._share))
        try:
            with _no_collection():
                if dispatcher is not None:
                    dispatcher.start(start_ns, recorder.close_ns + COOL_DOWN_NS)
                _sleep_until(recorder.open_ns - READ_AHEAD_NS)
                usage.start()
                for victim in victims:
                    victim.start(recorder.open_ns, recorder.close_ns)
                _sleep_until(recorder.close_ns)
                self._cool_down(victims)
                usage.stop(order.window_s)
            deadline_ns = self._drain()
            for victim in victims:
                victim.drain(deadline_ns)
        finally:
            gevent.killall(companions)
        recorder.roll()
        return TrialResult(
            opened_ns=recorder.open_ns,
            window_s=order.window_s,
            connected=target.connected,
            completed=recorder.completed,
            latency=recorder.total_latency(),
            service=recorder.service.distribution(),
            send_lag=recorder.send_lag.distribution(),
            failures=dict(recorder.failures),
            failed_latency=recorder.failed.distribution(),
            dropped=recorder.dropped,
            sent=recorder.sent,
            answered=recorder.answered,
            slices=recorder.slices(),
            slice_s=slice_s(order.window_s),
            victims={victim.name: victim.result() for victim in victims},
            processes=usage.processes,
            lag=lag.distribution(),
            cpu_s=usage.cpu_s,
            core_busy=usage.core_busy,
            core_steal=usage.core_steal,
            throttled=usage.throttled,
        )

    def _prepared_victims(self) -> list[VictimProbes]:
        """Return the probes of every victim, with the connections of the warm ones open."""
        order = self._order
        victims = [VictimProbes(order.host, order.port, spec, order.timeout_s) for spec in order.victims]
        for victim in victims:
            victim.prepare(order.window_s)
        return victims

    def _cool_down(self, victims: Sequence[VictimProbes]) -> None:
        """Keep the load on after the window until the victims' probes are answered, for 20 ms to 250 ms.

        A probe that is answered under load has an exact latency. One that is answered later has only a lower bound.
        """
        least_ns, most_ns = (self._recorder.close_ns + span_ns for span_ns in (LEAST_COOL_DOWN_NS, COOL_DOWN_NS))
        while now_ns() < least_ns or (now_ns() < most_ns and any(victim.outstanding for victim in victims)):
            gevent.sleep(0.001)
        for victim in victims:
            victim.load_ended()

    def _drain(self) -> int:
        """Send and await the due requests, for at most `drain_s` seconds, and return that deadline (monotonic ns)."""
        deadline_ns = now_ns() + int(self._order.drain_s * 1e9)
        if self._dispatcher is not None:
            self._dispatcher.stop()
            while self._dispatcher.waiting and now_ns() < deadline_ns:
                gevent.sleep(0.005)
            self._dispatcher.close()
        self._target.drain(max(0.0, (deadline_ns - now_ns()) / 1e9))
        return deadline_ns


@contextmanager
def _no_collection() -> Iterator[None]:
    """Turn off the garbage collector, whose pauses would count as the server's latency.

    The hot path creates no reference cycles, so the memory does not grow meanwhile.
    """
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _sleep_until(moment_ns: int) -> None:
    gevent.sleep(max(0.0, (moment_ns - now_ns()) / 1e9))


def _roll_each_slice(recorder: Recorder, slice_ns: int) -> None:
    """End a slice of the recorder every `slice_ns` from the opening of the window, until killed."""
    due_ns = recorder.open_ns + slice_ns
    while True:
        _sleep_until(due_ns)
        recorder.roll()
        due_ns += slice_ns


def _watch_lag(lag: Histogram, recorder: Recorder) -> None:
    """Record in µs how late a timer every 10 ms fires: the load process adds this delay to every latency it reports.

    The schedule is absolute: a load process that does not run for 200 ms is late for twenty timers instead of one.
    """
    fired, fired_ns = Event(), 0

    def fire() -> None:
        nonlocal fired_ns
        fired_ns = now_ns()
        fired.set()

    timer = Timer(fire)
    due_ns = recorder.open_ns
    try:
        while due_ns < recorder.close_ns:
            timer.set(due_ns)
            fired.wait()
            fired.clear()
            lag.record((fired_ns - due_ns) // 1000)
            due_ns += LAG_PERIOD_NS
    finally:
        timer.close()
