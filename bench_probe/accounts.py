"""Accounts of where the time of each route's requests goes, in nanoseconds. Only an instrumented server keeps them.

This file measures two things: each step of a task (how long it blocks the loop, and how much of that is computing), and
the time of each request in the application. The adapters measure the calls into libraries. A context variable holds the
account of the current request; tasks and threads inherit it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterator, MutableMapping
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from typing import Any, Final

from bench_probe.adapters import watching

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

SENT_HEADER: Final = b"x-sent"
"""The header with which a client states when it sent the request: `time.monotonic_ns()` on the same machine."""

LONG_STEP_NS: Final = 10_000_000
ROUTE_SEGMENTS: Final = 2


@dataclass(slots=True)
class Account:
    """Totals for one route. Times are in nanoseconds.

    Attributes:
        requests: requests that ended.
        stamped: requests that carried SENT_HEADER.
        pre: time of the stamped requests from the client's send to the application.
        inside: time of the requests in the application, to the end of the answer.
        steps: uninterrupted runs of a task on the loop.
        stepping: wall-clock time of the steps.
        computing: CPU time of the steps.
        long_steps: steps of more than 10 ms.
        long_stepping: wall-clock time of the long steps.
        long_computing: CPU time of the long steps.
        hops: calls that ran on the default thread pool.
        queued: time that the hops waited for a thread.
        served: time that the hops used a thread.
        returned: time that the hops waited for the loop after the thread had finished.
        leases: database connections taken from a pool.
        lease_wait: time spent waiting for them.
        leased: time for which they were kept.
        connects: new database connections made outside of a pool.
        connecting: time spent making them.
        calls: outbound HTTP calls.
        calling: time of the calls in all.
        call_wait: the part of `calling` spent waiting for a free connection.
    """

    requests: int = 0
    stamped: int = 0
    pre: int = 0
    inside: int = 0
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
    leases: int = 0
    lease_wait: int = 0
    leased: int = 0
    connects: int = 0
    connecting: int = 0
    calls: int = 0
    calling: int = 0
    call_wait: int = 0


class RequestAccounts:
    """The accounts of all routes. `holder` is the account whose task holds the loop now, or None."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.holder: Account | None = None
        self.not_watched: dict[str, str] = {}
        """The adapters that could not be installed, each with the reason."""
        self._route: ContextVar[Account | None] = ContextVar("route", default=None)
        self._others = self.of("")
        self._leases: dict[int, tuple[Account, int]] = {}

    def of(self, route: str) -> Account:
        """Return the account of a route. The empty name stands for work that belongs to no route."""
        return self.accounts.setdefault(route, Account())

    @property
    def current(self) -> Account:
        """Return the account of the request that this task or thread works for."""
        return self._route.get() or self._others

    def totals(self) -> dict[str, dict[str, int]]:
        """Return the current totals of every account, by route."""
        return {route: asdict(account) for route, account in list(self.accounts.items())}

    def name_of(self, account: Account | None) -> str:
        """Return the route of an account. The name is empty for None and for an account that is not here."""
        return next((route for route, each in list(self.accounts.items()) if each is account), "")

    def middleware(self, app: Application) -> Application:
        """Return the application, wrapped so that it charges each request to the first two segments of its path."""

        async def charged(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            began = time.monotonic_ns()
            account = self.of("/".join(scope["path"].split("/")[: ROUTE_SEGMENTS + 1]))
            self._route.set(account)
            self.holder = account
            for name, value in scope["headers"]:
                if name == SENT_HEADER:
                    with contextlib.suppress(ValueError):
                        account.pre += began - int(value)
                        account.stamped += 1
            try:
                await app(scope, receive, send)
            finally:
                account.requests += 1
                account.inside += time.monotonic_ns() - began

        return charged

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Keep the accounts while the block runs. Call this on the loop."""
        loop = asyncio.get_running_loop()
        before = loop.get_task_factory()

        def timed_task(
            loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], **options: Any
        ) -> asyncio.Task[Any]:
            return asyncio.Task(_Steps(coroutine, self), loop=loop, **options)

        with watching(self) as self.not_watched:
            loop.set_task_factory(timed_task)  # type: ignore[arg-type]  # typeshed's factory takes no options
            try:
                yield
            finally:
                loop.set_task_factory(before)

    def lease_began(self, connection: object, asked_ns: int) -> None:
        """Count a pooled connection that the caller requested at `asked_ns` and holds from now on."""
        account, now = self.current, time.monotonic_ns()
        account.leases += 1
        account.lease_wait += now - asked_ns
        self._leases[id(connection)] = account, now

    def lease_ended(self, connection: object) -> None:
        """Add the time for which the caller held a connection that now goes back to its pool."""
        account, since = self._leases.pop(id(connection), (self._others, time.monotonic_ns()))
        account.leased += time.monotonic_ns() - since

    @contextlib.contextmanager
    def connecting(self) -> Iterator[None]:
        """Count a new database connection, and add the time of the block."""
        account, began = self.current, time.monotonic_ns()
        try:
            yield
        finally:
            account.connects += 1
            account.connecting += time.monotonic_ns() - began

    @contextlib.contextmanager
    def calling(self) -> Iterator[None]:
        """Count an outbound call, and add the time of the block."""
        account, began = self.current, time.monotonic_ns()
        try:
            yield
        finally:
            account.calls += 1
            account.calling += time.monotonic_ns() - began

    @contextlib.contextmanager
    def call_waiting(self) -> Iterator[None]:
        """Add the time of the block to the waits of calls for a free connection."""
        account, began = self.current, time.monotonic_ns()
        try:
            yield
        finally:
            account.call_wait += time.monotonic_ns() - began


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
        accounts.holder = accounts._route.get()
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
