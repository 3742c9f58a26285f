"""Accounts of where the time of each route's requests goes, in nanoseconds. Only an instrumented server keeps them.

This file measures two things: each step of a task (how long it blocks the loop, and how much of that is computing), and
the time of each request in the application. The adapters measure the calls into libraries. A context variable holds the
current request in flight; tasks and threads inherit it.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import itertools
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterator, MutableMapping
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from typing import Any, Final

from bench_probe.adapters import watching
from bench_probe.flight import TOKENS, Flight, Hop, asking_task, callee_of, now_ns

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

SENT_HEADER: Final = b"x-sent"
"""The header with which a client states when it sent the request: `time.monotonic_ns()` on the same machine."""

RECEIVED_HEADER: Final = b"x-received"
"""The header with which it states when it received the previous answer on this connection; 0 where there is none."""

LONG_STEP_NS: Final = 2_000_000
"""A loop that computes for 2 ms at a time keeps a neighbour of 64 such requests waiting for more than 0.1 s."""
OVERTAKEN_FACTOR: Final = 2
OVERTAKEN_NS: Final = 1_000_000
"""Threads that are woken in order may run out of order, so that only a much longer wait counts as overtaken."""
ROUTE_SEGMENTS: Final = 2


@dataclass(slots=True)
class Account:
    """Totals for one route. Times are in nanoseconds.

    Attributes:
        requests: requests that ended.
        stamped: requests that carried SENT_HEADER.
        pre: time of the stamped requests from the client's send to the application.
        backed: answers of which the client told when it received them.
        back: time of these answers from the application to the client.
        inside: time of the requests that ended in the application, to the end of the answer.
        open: time so far of the requests in flight; it is no total, and falls when they end.
        after: time for which the application went on with requests that it had answered.
        pieces: messages that carried the bodies of answers.
        piece_bytes: the bytes in them.
        coroutines: requests whose handler is a coroutine function.
        steps: uninterrupted runs of a task on the loop.
        stepping: wall-clock time of the steps.
        computing: CPU time of the steps.
        long_steps: steps of more than 2 ms.
        long_stepping: wall-clock time of the long steps.
        long_computing: CPU time of the long steps.
        hops: calls that ran on the default thread pool.
        queued: time that the hops waited for a thread.
        served: time that the hops used a thread.
        returned: time that the hops waited for the loop after the thread had finished.
        hop_computing: CPU time of the hops in their threads.
        leases: database connections taken from a pool.
        lease_wait: time spent waiting for them.
        overtaken: leases that began while another request still waited that had waited more than twice as long.
        leased: time for which they were kept.
        connects: new database connections made outside of a pool.
        connecting: time spent making them.
        calls: outbound HTTP calls.
        calling: time of the calls in all.
        call_wait: the part of `calling` spent waiting for a free connection.
        call_connects: new connections made for the calls.
    """

    requests: int = 0
    stamped: int = 0
    pre: int = 0
    backed: int = 0
    back: int = 0
    inside: int = 0
    open: int = 0
    after: int = 0
    pieces: int = 0
    piece_bytes: int = 0
    coroutines: int = 0
    steps: int = 0
    stepping: int = 0
    computing: int = 0
    long_steps: int = 0
    long_stepping: int = 0
    long_computing: int = 0
    hops: int = 0
    queued: int = 0
    served: int = 0
    returned: int = 0
    hop_computing: int = 0
    leases: int = 0
    lease_wait: int = 0
    overtaken: int = 0
    leased: int = 0
    connects: int = 0
    connecting: int = 0
    calls: int = 0
    calling: int = 0
    call_wait: int = 0
    call_connects: int = 0


@dataclass(slots=True)
class PoolUse:
    """How the requests of one route use one pool of threads. Times are in nanoseconds.

    Attributes:
        size: the number of threads that the pool may have.
        hops: calls that ran in the pool.
        queued: time that they waited for a thread.
        served: time that they used one.
        computing: CPU time that they used.
    """

    size: int
    hops: int = 0
    queued: int = 0
    served: int = 0
    computing: int = 0


class RequestAccounts:
    """The accounts of all routes. `holder` is the account whose task holds the loop now, or None."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.holder: Account | None = None
        self.flights: set[Flight] = set()
        """The requests for which anything still works."""
        self.pools: dict[tuple[str, str], PoolUse] = {}
        """How each route uses each pool of threads but anyio's, by route and name of the pool."""
        self.callees: dict[tuple[str, str], list[int]] = {}
        """The calls that threads ran for each route, by route and callee: their number, time and CPU time."""
        self.handlers: dict[str, Callable[..., Any]] = {}
        """The handler of each route, where the framework tells it."""
        self._not_watched: dict[str, str] = {}
        self._flight: ContextVar[Flight | None] = ContextVar("flight", default=None)
        self._others = self.of("")
        self._leases: dict[int, tuple[Account, int]] = {}
        self._asking: dict[int, dict[int, int]] = {}
        self._tickets = itertools.count()
        self._answers: dict[Any, tuple[Account, int]] = {}
        self._replaced: Callable[[], bool] = lambda: False

    def of(self, route: str) -> Account:
        """Return the account of a route. The empty name stands for work that belongs to no route."""
        return self.accounts.setdefault(route, Account())

    @property
    def flight(self) -> Flight | None:
        """Return the request that this task or thread works for; None where it works for none."""
        return self._flight.get()

    @property
    def current(self) -> Account:
        """Return the account of the request that this task or thread works for."""
        flight = self._flight.get()
        return self._others if flight is None else flight.account

    @property
    def not_watched(self) -> dict[str, str]:
        """Return what cannot be watched, each with the reason."""
        if not self._replaced():
            return self._not_watched
        return self._not_watched | {"tasks": "the application has set a task factory of its own since the start"}

    def totals(self) -> dict[str, dict[str, int]]:
        """Return the current totals of every account, by route."""
        found = {route: asdict(account) for route, account in list(self.accounts.items())}
        now = now_ns()
        for flight in tuple(self.flights):
            if not flight.answered_ns and not flight.returned and flight.route in found:
                found[flight.route]["open"] += now - flight.began_ns
        return found

    def callee_totals(self) -> list[dict[str, Any]]:
        """Return the number, time and CPU time of the calls that threads ran for each route, by callee."""
        names = ("hops", "served", "computing")
        return [
            {"route": route, "callee": callee} | dict(zip(names, figures, strict=True))
            for (route, callee), figures in list(self.callees.items())
        ]

    def pool_totals(self) -> list[dict[str, Any]]:
        """Return how each route used each pool of threads but anyio's default one."""
        return [{"route": route, "pool": pool} | asdict(use) for (route, pool), use in list(self.pools.items())]

    def left_behind(self) -> dict[str, int]:
        """Return how many answered requests still have work under way, by route."""
        found: dict[str, int] = {}
        for flight in tuple(self.flights):
            if flight.is_left_behind:
                found[flight.route] = found.get(flight.route, 0) + 1
        return found

    def name_of(self, account: Account | None) -> str:
        """Return the route of an account. The name is empty for None and for an account that is not here."""
        return next((route for route, each in list(self.accounts.items()) if each is account), "")

    def middleware(self, app: Application) -> Application:
        """Return the application, wrapped so that it charges each request to the first two segments of its path."""

        async def charged(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            route = "/".join(scope["path"].split("/")[: ROUTE_SEGMENTS + 1])
            account = self.of(route)
            flight = Flight(route, account, scope, asking_task(), now_ns())
            self._flight.set(flight)
            self.flights.add(flight)
            self.holder = account
            for name, value in scope["headers"]:
                if name == SENT_HEADER:
                    with contextlib.suppress(ValueError):
                        account.pre += flight.began_ns - int(value)
                        account.stamped += 1
                elif name == RECEIVED_HEADER:
                    self._received(scope.get("client"), value)

            async def counted(message: MutableMapping[str, Any]) -> None:
                await send(message)
                if message["type"] == "http.response.body":
                    account.pieces += 1
                    account.piece_bytes += len(message.get("body", b""))
                    if not message.get("more_body") and not flight.answered_ns:
                        self._answered(flight)

            try:
                await app(scope, receive, counted)
            finally:
                if not flight.answered_ns:
                    self._answered(flight)
                account.after += now_ns() - flight.answered_ns
                flight.returned = True
                self._forget_if_over(flight)

        return charged

    def _received(self, client: Any, received: bytes) -> None:
        """Add the way back of the previous answer to this client."""
        account, answered_ns = self._answers.pop(client, (self._others, 0))
        with contextlib.suppress(ValueError):
            if answered_ns and (received_ns := int(received)) > 0:
                account.back += max(0, received_ns - answered_ns)
                account.backed += 1

    def _answered(self, flight: Flight) -> None:
        flight.answered_ns = now_ns()
        # A client that sends no stamps never takes its entry away again.
        if any(name == RECEIVED_HEADER for name, _ in flight.scope["headers"]):
            self._answers[flight.scope.get("client")] = flight.account, flight.answered_ns
        flight.account.requests += 1
        flight.account.inside += flight.answered_ns - flight.began_ns
        handler = flight.scope.get("endpoint")
        if callable(handler):
            flight.account.coroutines += inspect.iscoroutinefunction(handler)
            self.handlers.setdefault(flight.route, handler)

    def _forget_if_over(self, flight: Flight) -> None:
        if flight.is_over:
            self.flights.discard(flight)

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Keep the accounts while the block runs. Call this on the loop."""
        loop = asyncio.get_running_loop()
        before = loop.get_task_factory()

        def timed_task(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], **options: Any) -> Any:
            steps = _Steps(coroutine, self)
            # A factory of the application's own stays in charge of what kind of task it is.
            if before is None:
                task: Any = asyncio.Task(steps, loop=loop, **options)
            else:
                try:
                    task = before(loop, steps, **options)
                except TypeError as error:  # it takes nothing but coroutines of Python's own
                    self._not_watched["steps"] = f"the application's task factory refuses them: {error}"
                    task = before(loop, coroutine, **options)
            flight = self._flight.get()
            if flight is not None and not task.done():
                flight.tasks.add(task)
                task.add_done_callback(lambda ended: self._task_ended(flight, ended))
            return task

        with watching(self) as self._not_watched:
            loop.set_task_factory(timed_task)  # type: ignore[arg-type]  # typeshed's factory takes no options
            self._replaced = lambda: loop.get_task_factory() is not timed_task
            try:
                yield
            finally:
                if not self._replaced():
                    loop.set_task_factory(before)
                self._replaced = lambda: False

    def _task_ended(self, flight: Flight, task: asyncio.Task[Any]) -> None:
        flight.tasks.discard(task)
        self._forget_if_over(flight)

    def hop_asked(self, pool: str, function: Callable[..., Any]) -> Hop:
        """Count a call that the caller hands to a pool of threads now, and return it for the methods below."""
        hop = Hop(pool, callee_of(function), self._flight.get(), asking_task(), asked_ns=now_ns())
        if hop.flight is not None:
            hop.flight.hops.add(hop)
        return hop

    def in_thread(self, hop: Hop, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function, wrapped so that the thread that runs it notes when it began and ended."""

        def timed(*args: Any, **options: Any) -> Any:
            # run_in_executor passes no context on to the thread.
            token = self._flight.set(hop.flight)
            hop.thread, hop.began_ns, computed = threading.get_ident(), now_ns(), time.thread_time_ns()
            try:
                return function(*args, **options)
            finally:
                hop.computed_ns, hop.ended_ns = time.thread_time_ns() - computed, now_ns()
                hop.thread = None
                self._flight.reset(token)

        return timed

    def hop_over(self, hop: Hop, size: int = 0) -> None:
        """Add a call in a thread of a pool with `size` threads to the accounts; one that never began is forgotten."""
        flight = hop.flight
        account = self._others if flight is None else flight.account
        if hop.ended_ns:
            queued, served = hop.began_ns - hop.asked_ns, hop.ended_ns - hop.began_ns
            account.hop_computing += hop.computed_ns
            route = "" if flight is None else flight.route
            calls = self.callees.setdefault((route, hop.callee), [0, 0, 0])
            calls[0], calls[1], calls[2] = calls[0] + 1, calls[1] + served, calls[2] + hop.computed_ns
            if hop.pool == TOKENS:
                account.hops += 1
                account.queued += queued
                account.served += served
                account.returned += now_ns() - hop.ended_ns
            else:
                use = self.pools.setdefault((route, hop.pool), PoolUse(size))
                use.hops, use.queued, use.served = use.hops + 1, use.queued + queued, use.served + served
                use.computing += hop.computed_ns
        if flight is not None:
            flight.called.add(hop.callee)
            flight.hops.discard(hop)
            self._forget_if_over(flight)

    @contextlib.contextmanager
    def leasing(self, pool: object) -> Iterator[Callable[[object], None]]:
        """Time the wait for a connection of a pool, in the block; call what it yields with the connection.

        The connection is in use from then on, until `lease_ended`.
        """
        account, asked, ticket = self.current, now_ns(), next(self._tickets)
        asking = self._asking.setdefault(id(pool), {})
        asking[ticket] = asked

        def began(connection: object) -> None:
            now = now_ns()
            account.leases += 1
            account.lease_wait += now - asked
            # A dict keeps the order in which the requests asked. Another thread may change it meanwhile.
            with contextlib.suppress(RuntimeError):
                longest = now - next(iter(asking.values()), now)
                account.overtaken += longest > OVERTAKEN_FACTOR * (now - asked) + OVERTAKEN_NS
            self._leases[id(connection)] = account, now

        try:
            yield began
        finally:
            asking.pop(ticket, None)

    def lease_ended(self, connection: object) -> None:
        """Add the time for which the caller held a connection that now goes back to its pool."""
        account, since = self._leases.pop(id(connection), (self._others, now_ns()))
        account.leased += now_ns() - since

    def call_connected(self) -> None:
        """Count a new connection that was made for an outbound call."""
        self.current.call_connects += 1

    @contextlib.contextmanager
    def connecting(self) -> Iterator[None]:
        """Count a new database connection, and add the time of the block."""
        account, began = self.current, now_ns()
        try:
            yield
        finally:
            account.connects += 1
            account.connecting += now_ns() - began

    @contextlib.contextmanager
    def calling(self) -> Iterator[None]:
        """Count an outbound call, and add the time of the block."""
        account, began = self.current, now_ns()
        try:
            yield
        finally:
            account.calls += 1
            account.calling += now_ns() - began

    @contextlib.contextmanager
    def call_waiting(self) -> Iterator[None]:
        """Add the time of the block to the waits of calls for a free connection."""
        account, began = self.current, now_ns()
        try:
            yield
        finally:
            account.call_wait += now_ns() - began


class _Steps(Coroutine[Any, Any, Any]):
    """A coroutine that times each of its steps: the wall-clock time on the loop, and the CPU time of the thread."""

    __slots__ = ("_accounts", "_coroutine")

    def __init__(self, coroutine: Coroutine[Any, Any, Any], accounts: RequestAccounts) -> None:
        self._coroutine = coroutine
        self._accounts = accounts

    def send(self, value: Any) -> Any:
        return self._step(self._coroutine.send, value)

    def throw(self, *error: Any) -> Any:
        return self._step(self._coroutine.throw, *error)

    def close(self) -> None:
        self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._coroutine.__await__()

    def __getattr__(self, name: str) -> Any:
        # anyio and debuggers read the state of a coroutine, such as cr_frame.
        return getattr(self._coroutine, name)

    def _step(self, resume: Callable[..., Any], *args: Any) -> Any:
        accounts = self._accounts
        flight = accounts._flight.get()
        accounts.holder = None if flight is None else flight.account
        began, computed = time.perf_counter_ns(), time.thread_time_ns()
        try:
            return resume(*args)
        finally:
            computed = time.thread_time_ns() - computed
            took = time.perf_counter_ns() - began
            accounts.holder = None
            account = accounts.current
            account.steps += 1
            account.stepping += took
            account.computing += computed
            if took > LONG_STEP_NS:
                account.long_steps += 1
                account.long_stepping += took
                account.long_computing += computed
