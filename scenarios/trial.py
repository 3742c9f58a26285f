"""One trial: connect, warm up, count within a window, drain."""

from __future__ import annotations

import gc
from typing import Final

import gevent
import psutil
from locust.env import Environment
from locust.runners import LocalRunner

from scenarios.bystander import Bystander
from scenarios.connection import now_ns
from scenarios.fleet import Fleet
from scenarios.histogram import Histogram
from scenarios.protocol import TrialOrder, TrialResult
from scenarios.recorder import Recorder
from scenarios.users import user_class

CONNECT_LIMIT_S: Final = 15.0
LAG_PERIOD_S: Final = 0.01


def run_trial(environment: Environment, order: TrialOrder) -> TrialResult:
    """Run the order on the environment's local runner; returns when everything is drained and all users are stopped."""
    runner = environment.runner
    assert isinstance(runner, LocalRunner)
    recorder = Recorder(open_ns=0, close_ns=0)
    fleet = Fleet(order.host, order.port, order.requests, recorder, order.timeout_s)
    environment.user_classes[:] = [user_class("".join(filter(str.isalnum, order.name)), fleet)]
    runner.start(order.users, spawn_rate=order.users)
    companions = [gevent.spawn(fleet.sweep_forever)]
    try:
        _await_users(fleet, order.users)
        bystander = _bystander(order)
        recorder.open_ns = now_ns() + int(order.warmup_s * 1e9)
        recorder.close_ns = recorder.open_ns + int(order.window_s * 1e9)
        lag = Histogram()
        companions.append(gevent.spawn(_watch_lag, lag, recorder))
        companions.append(gevent.spawn(bystander.run, recorder.open_ns, recorder.close_ns) if bystander else None)
        # A collection in the window would be charged to the server. Nothing on the hot path makes cycles.
        gc.collect()
        gc.disable()
        usage = _Usage(order.watch)
        _sleep_until(recorder.open_ns)
        usage.start()
        _sleep_until(recorder.close_ns)
        usage.stop()
        gc.enable()
        fleet.drain(order.drain_s)
        if bystander is not None:
            bystander.drain(order.drain_s)
    finally:
        gc.enable()
        gevent.killall([companion for companion in companions if companion is not None])
        runner.stop()
    return TrialResult(
        opened_ns=recorder.open_ns,
        window_s=order.window_s,
        completed=recorder.completed,
        latency=recorder.latency.distribution(),
        failures=dict(recorder.failures),
        failed_latency=recorder.failed.distribution(),
        bystander=bystander.latency.distribution() if bystander else Histogram().distribution(),
        bystander_failures=dict(bystander.failures) if bystander else {},
        lag=lag.distribution(),
        cpu_s=usage.cpu_s,
        core_busy=usage.core_busy,
    )


def _await_users(fleet: Fleet, users: int) -> None:
    """Wait until every user is connected, or has had time enough to show that it cannot."""
    deadline_ns = now_ns() + int(CONNECT_LIMIT_S * 1e9)
    while now_ns() < deadline_ns:
        if sum(connection.is_open for connection in fleet.connections) == users:
            return
        gevent.sleep(0.002)


def _bystander(order: TrialOrder) -> Bystander | None:
    if order.bystander_path is None:
        return None
    bystander = Bystander(order.host, order.port, order.bystander_path, order.bystander_rate_rps, order.timeout_s)
    bystander.prepare()
    return bystander


def _sleep_until(moment_ns: int) -> None:
    gevent.sleep(max(0.0, (moment_ns - now_ns()) / 1e9))


def _watch_lag(lag: Histogram, recorder: Recorder) -> None:
    """How late a sleeper of 10 ms wakes: what the load process adds to every latency that it reports."""
    _sleep_until(recorder.open_ns)
    while (asleep_ns := now_ns()) < recorder.close_ns:
        gevent.sleep(LAG_PERIOD_S)
        lag.record(max(0, now_ns() - asleep_ns - int(LAG_PERIOD_S * 1e9)) // 1000)


class _Usage:
    """CPU time spent by the watched processes, by this one, and by each core of the machine, within the window."""

    def __init__(self, watch: dict[str, int]) -> None:
        self._processes = {role: psutil.Process(pid) for role, pid in watch.items() if psutil.pid_exists(pid)}
        self._processes["load"] = psutil.Process()
        self.cpu_s: dict[str, float] = {}
        self.core_busy: tuple[float, ...] = ()

    def start(self) -> None:
        self._cores = psutil.cpu_times(percpu=True)
        self._before = self._read()

    def stop(self) -> None:
        after = self._read()
        self.cpu_s = {role: round(after[role] - self._before[role], 6) for role in after if role in self._before}
        self.core_busy = tuple(
            round(_busy_share(before, now), 4)
            for before, now in zip(self._cores, psutil.cpu_times(percpu=True), strict=True)
        )

    def _read(self) -> dict[str, float]:
        seconds = {}
        for role, process in self._processes.items():
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            seconds[role] = times.user + times.system
        return seconds


def _busy_share(before: object, after: object) -> float:
    spent = {name: getattr(after, name) - getattr(before, name) for name in after._fields}  # type: ignore[attr-defined]
    # guest time is counted within user time as well
    total = sum(value for name, value in spent.items() if not name.startswith("guest"))
    idle = spent["idle"] + spent.get("iowait", 0.0)
    return 1 - idle / total if total > 0 else 0.0
