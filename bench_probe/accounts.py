"""Where the time of each route's requests goes, to the nanosecond. Kept only while a variant is profiled.

Two ways in are here: the steps of every task (how long each holds the loop, and how much of that it computes), and the
way of each request through the application. What a library does is added by its adapter. A context variable says which
route all of that is for; tasks and threads inherit it.
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
"""By this header a client says when it sent the request: `time.monotonic_ns()` of the same machine."""

LONG_STEP_NS: Final = 10_000_000
ROUTE_SEGMENTS: Final = 2


@dataclass(slots=True)
class Account:
    """Totals for one route; times in nanoseconds.

    A `step` is one uninterrupted run of a task on the loop; a `long` one took more than 10 ms. `pre` is from the
    sending of a request to its reaching the application, `inside` from there to the end of its answer. `hops` went to
    the default thread pool: they `queued` for a thread, were `served` by it, and `returned` to the loop. `leases` of
    database connections were waited for (`lease_wait`) and kept (`leased`). `connects` made a new database connection.
    `calls` to other services took `calling` in all, of which `call_wait` was waiting for a free connection.
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
    """The accounts of all routes, and whose task holds the loop at this moment."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.holder: Account | None = None
        self.not_watched: dict[str, str] = {}
        """The libraries whose adapter could not be installed, each with the reason."""
        self._route: ContextVar[Account | None] = ContextVar("route", default=None)
        self._others = self.of("")
        self._leases: dict[int, tuple[Account, int]] = {}

    def of(self, route: str) -> Account:
        """Return the account of a route; that of the empty name is for work that belongs to none."""
        return self.accounts.setdefault(route, Account())

    @property
    def current(self) -> Account:
        """The account of the request that this task or thread works for."""
        return self._route.get() or self._others

    def totals(self) -> dict[str, dict[str, int]]:
        """Return every account as it stands."""
        return {route: asdict(account) for route, account in list(self.accounts.items())}

    def name_of(self, account: Account | None) -> str:
        """Return the route of an account, the empty name for none."""
        return next((route for route, each in list(self.accounts.items()) if each is account), "")

    def middleware(self, app: Application) -> Application:
        """Wrap the application so that each request is charged to the first two segments of its path."""

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
        """Keep the accounts for as long as the block lasts. Call it on the loop."""
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
        """Count a pooled connection that was asked for at `asked_ns` and is kept from now on."""
        account, now = self.current, time.monotonic_ns()
        account.leases += 1
        account.lease_wait += now - asked_ns
        self._leases[id(connection)] = account, now

    def lease_ended(self, connection: object) -> None:
        """Count for how long a connection was kept that goes back to its pool now."""
        account, since = self._leases.pop(id(connection), (self._others, time.monotonic_ns()))
        account.leased += time.monotonic_ns() - since

    @contextlib.contextmanager
    def connecting(self) -> Iterator[None]:
        """Count a new database connection, and the time of the block."""
        account, began = self.current, time.monotonic_ns()
        try:
            yield
        finally:
            account.connects += 1
            account.connecting += time.monotonic_ns() - began

    @contextlib.contextmanager
    def calling(self) -> Iterator[None]:
        """Count a call to another service, and the time of the block."""
        account, began = self.current, time.monotonic_ns()
        try:
            yield
        finally:
            account.calls += 1
            account.calling += time.monotonic_ns() - began

    @contextlib.contextmanager
    def call_waiting(self) -> Iterator[None]:
        """Count the time of the block as a call's wait for a free connection."""
        account, began = self.current, time.monotonic_ns()
        try:
            yield
        finally:
            account.call_wait += time.monotonic_ns() - began


class _Steps(Coroutine[Any, Any, Any]):
    """A coroutine whose every step is timed: how long it held the loop, and how much of that its thread computed."""

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
        # anyio and the debuggers look at a coroutine's state.
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
