"""Several load processes in one trial: Locust's master spreads the users, and this sends the orders and merges results.

Locust's messages tell each worker how many users to start. Locust's statistics are periodic reports, of which the last
ones may be lost. So each worker sends its complete result once, in a message of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any, Final

import gevent
from locust import User
from locust.dispatch import UsersDispatcher
from locust.env import Environment
from locust.runners import STATE_MISSING, MasterRunner, WorkerNode
from pydantic import TypeAdapter

from scenarios.engine.connection import now_ns
from scenarios.engine.usage import Usage
from scenarios.runner.trial import CONNECT_LIMIT_S, user_class_name
from scenarios.wire.protocol import Joined, Share, TrialOrder, TrialResult, together

ORDERS: Final = TypeAdapter(TrialOrder)
RESULTS: Final = TypeAdapter(TrialResult)

HELLO, REFUSED = "bench_hello", "bench_refused"
ORDER, PREPARED, CONNECTED, GO, RESULT = (
    "bench_order", "bench_prepared", "bench_connected", "bench_go", "bench_result",
)  # fmt: skip

ANSWER_LIMIT_S: Final = 15.0
POLL_S: Final = 0.005


class WorkersLostError(Exception):
    """No worker is present, or none sent a result."""


class _FixedDispatcher(UsersDispatcher):
    """Spreads the users once. Locust's own dispatcher would move users to a worker that joins during a trial."""

    def add_worker(self, worker_node: WorkerNode) -> None:
        """Do nothing. The worker takes part from the next trial on."""

    def remove_worker(self, worker_node: WorkerNode) -> None:
        """Do nothing. The worker's users are lost with it, and the result counts the worker as lost."""


class WorkerGroup:
    """The workers of a run, in the process that leads them."""

    def __init__(self, environment: Environment, host: str, port: int, version: str) -> None:
        self._environment = environment
        environment.dispatcher_class = _FixedDispatcher
        self._runner: MasterRunner = environment.create_master_runner(f"[{host}]" if ":" in host else host, port)
        self._version = version
        self._names: dict[str, str] = {}
        self._refused: list[str] = []
        self._expected = 0
        self._replies: dict[str, dict[str, Any]] = {}
        for kind in (PREPARED, CONNECTED, RESULT):
            self._runner.register_message(kind, self._reply)
        self._runner.register_message(HELLO, self._hello)

    @property
    def port(self) -> int:
        """Return the port on which workers can join."""
        port: int = self._runner.server.port
        return port

    def joined(self, expected: int, tell: Callable[[Joined], None]) -> None:
        """Wait until `expected` workers have joined, and call `tell` with each change in the meantime."""
        told, self._expected = None, expected
        while True:
            joined = Joined(tuple(self._names[member] for member in self._members()), expected, tuple(self._refused))
            if joined != told:
                tell(joined)
                told = joined
            if joined.is_complete:
                return
            gevent.sleep(0.05)

    def run(self, order: TrialOrder) -> TrialResult:
        """Run the order on all present workers, and return the merged result, which counts the lost ones.

        Raises:
            WorkersLostError: no worker is present, or none sent a result.
        """
        members = self._members()
        if not members:
            raise WorkersLostError
        self._replies = {}
        for index, member in enumerate(members):
            self._runner.send_message(ORDER, _part(order, Share(index, len(members))), member)
        self._await(PREPARED, members, ANSWER_LIMIT_S)
        self._environment.user_classes[:] = [type(user_class_name(order), (User,), {"tasks": []})]
        self._runner.start(order.load.users, spawn_rate=order.load.users)
        # Locust would otherwise move users when a worker joins or leaves during the trial.
        self._runner._users_dispatcher = None
        self._await(CONNECTED, members, CONNECT_LIMIT_S + ANSWER_LIMIT_S)
        usage = Usage(order.watch, order.loop_threads)
        for member in self._still(members):
            self._runner.send_message(GO, None, member)
        opened_ns = now_ns() + int(order.warmup_s * 1e9)
        gevent.sleep(order.warmup_s)
        usage.start()
        gevent.sleep(order.window_s)
        usage.stop(order.window_s)
        self._await(RESULT, members, 2 * order.drain_s + ANSWER_LIMIT_S)
        self._stop()
        results = self._replies.get(RESULT, {})
        found = [RESULTS.validate_json(results[member]["result"]) for member in members if member in results]
        if not found:
            raise WorkersLostError
        whole = together(found)
        return replace(
            whole,
            opened_ns=opened_ns,
            cpu_s=usage.cpu_s | whole.cpu_s,
            processes=usage.processes,
            core_busy=usage.core_busy,
            core_steal=usage.core_steal,
            throttled=usage.throttled,
            lost=len(members) - len(found),
        )

    def dismiss(self) -> None:
        """End the run for all workers."""
        self._runner.quit()

    def _hello(self, msg: Any, **_: Any) -> None:
        name, version = msg.data["name"], msg.data["version"]
        if version != self._version:
            self._refused.append(f"{name} ({version})")
            reason = f"the run has {self._version}, this worker has {version}; install the same version on both"
        elif self._expected and len(self._still(self._names)) >= self._expected:
            reason = f"the run already has its {self._expected} workers"
        else:
            self._names[msg.node_id] = name
            self._runner.clients.setdefault(msg.node_id, WorkerNode(msg.node_id))
            return
        self._runner.send_message(REFUSED, {"reason": reason}, msg.node_id)

    def _reply(self, msg: Any, **_: Any) -> None:
        self._replies.setdefault(msg.type, {})[msg.node_id] = msg.data

    def _members(self) -> list[str]:
        """Return the workers that have said hello, and remove all others, so that Locust gives them no users."""
        clients = self._runner.clients
        members = self._still(self._names)
        for other in set(clients) - set(members):
            del clients[other]
        return sorted(members, key=self._runner.get_worker_index)

    def _still(self, members: Collection[str]) -> list[str]:
        clients = self._runner.clients
        return [member for member in members if member in clients and clients[member].state != STATE_MISSING]

    def _answered(self, kind: str, members: Collection[str]) -> list[str]:
        return [member for member in members if member in self._replies.get(kind, {})]

    def _await(self, kind: str, members: Collection[str], limit_s: float) -> None:
        """Wait for this kind of reply from every member that is still connected, for at most `limit_s` seconds."""
        deadline_ns = now_ns() + int(limit_s * 1e9)
        while set(self._still(members)) - set(self._answered(kind, members)) and now_ns() < deadline_ns:
            gevent.sleep(POLL_S)

    def _stop(self) -> None:
        """End the trial in Locust. The workers have already stopped their users."""
        clients = self._runner.clients
        for client in clients.all:
            # Locust waits for these counts to be empty, and would check them only once a second.
            client.user_classes_count = {}
        told = {client.id for client in clients.all} - {client.id for client in clients.missing}
        self._runner.stop()
        deadline_ns = now_ns() + int(ANSWER_LIMIT_S * 1e9)
        # Each worker that was told to stop leaves Locust's list and then returns to it, even one that has just joined.
        while told - {client.id for client in clients.ready + clients.missing} and now_ns() < deadline_ns:
            gevent.sleep(POLL_S)


def _part(order: TrialOrder, share: Share) -> dict[str, Any]:
    """Return one worker's part of the order. Only the first worker has victims; the leader watches the processes."""
    mine = replace(order, watch={}, loop_threads={}, victims=() if share.index else order.victims)
    return {"order": ORDERS.dump_json(mine), "index": share.index, "of": share.of}
