"""Where the time of each route's requests went, to the nanosecond. Kept only while diagnosing.

Five ways in: the steps of every task (how long it held the loop, and how much of that it computed), the hops to worker
threads (waiting, running, coming back), the database pools, connections made anew, and calls to other services. A
context variable says which route all of that is for; tasks and threads inherit it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from typing import Any, Final

import aiohttp
import anyio.to_thread
import asyncpg
import psycopg
import psycopg_pool
import requests
import urllib3
from asyncpg.pool import PoolAcquireContext
from starlette.types import ASGIApp, Receive, Scope, Send

SENT_HEADER: Final = b"x-sent"
"""By this header a client says when it sent the request: `time.monotonic_ns()` of the same machine."""

LONG_HOLD_NS: Final = 10_000_000
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


class Ledger:
    """The accounts of all routes, and whose task holds the loop at this moment."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.holder: Account | None = None
        self._route: ContextVar[Account | None] = ContextVar("route", default=None)
        self._others = self.of("")

    def of(self, route: str) -> Account:
        """The account of a route; that of the empty name is for whatever belongs to none."""
        return self.accounts.setdefault(route, Account())

    @property
    def current(self) -> Account:
        """The account of the request that this task or thread works for."""
        return self._route.get() or self._others

    def totals(self) -> dict[str, dict[str, int]]:
        """Every account as it stands."""
        return {route: asdict(account) for route, account in list(self.accounts.items())}

    def name_of(self, account: Account | None) -> str:
        """The route of an account."""
        return next((route for route, each in list(self.accounts.items()) if each is account), "")

    def middleware(self, app: ASGIApp) -> ASGIApp:
        """The application, with each request charged to the first two segments of its path."""

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
        """Keep the accounts for as long as the block lasts; called on the loop, of a process that does nothing else."""
        loop = asyncio.get_running_loop()
        before = loop.get_task_factory()

        def timed_task(
            loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], **options: Any
        ) -> asyncio.Task[Any]:
            return asyncio.Task(_Steps(coroutine, self), loop=loop, **options)

        with contextlib.ExitStack() as patches:
            loop.set_task_factory(timed_task)  # type: ignore[arg-type]  # typeshed's factory takes no options
            patches.callback(loop.set_task_factory, before)
            self._watch_threads(patches)
            self._watch_database(patches)
            self._watch_calls(patches)
            yield

    def _watch_threads(self, patches: contextlib.ExitStack) -> None:
        original = anyio.to_thread.run_sync

        async def run_sync(function: Callable[..., Any], *args: Any, limiter: Any = None, **options: Any) -> Any:
            if limiter is not None:  # not the pool that everybody shares
                return await original(function, *args, limiter=limiter, **options)
            account, asked = self.current, time.monotonic_ns()
            began = ended = 0

            def timed(*args: Any) -> Any:
                nonlocal began, ended
                began = time.monotonic_ns()
                try:
                    return function(*args)
                finally:
                    ended = time.monotonic_ns()

            try:
                return await original(timed, *args, **options)
            finally:
                if ended:
                    account.hops += 1
                    account.queued += began - asked
                    account.served += ended - began
                    account.returned += time.monotonic_ns() - ended

        _patch(patches, anyio.to_thread, "run_sync", run_sync)

    def _watch_database(self, patches: contextlib.ExitStack) -> None:
        out: dict[int, tuple[Account, int]] = {}

        def leased(connection: object, asked: int) -> None:
            account, now = self.current, time.monotonic_ns()
            account.leases += 1
            account.lease_wait += now - asked
            out[id(connection)] = account, now

        def given_back(connection: object) -> None:
            account, since = out.pop(id(connection), (self._others, time.monotonic_ns()))
            account.leased += time.monotonic_ns() - since

        enter, leave = PoolAcquireContext.__aenter__, PoolAcquireContext.__aexit__

        async def aenter(context: Any) -> Any:
            asked = time.monotonic_ns()
            connection = await enter(context)
            leased(connection, asked)
            return connection

        async def aexit(context: Any, *error: Any) -> None:
            given_back(context.connection)
            await leave(context, *error)

        get, put = psycopg_pool.ConnectionPool.getconn, psycopg_pool.ConnectionPool.putconn

        def getconn(pool: Any, timeout: float | None = None) -> Any:
            asked = time.monotonic_ns()
            connection = get(pool, timeout)
            leased(connection, asked)
            return connection

        def putconn(pool: Any, connection: Any) -> None:
            given_back(connection)
            put(pool, connection)

        connect_async, connect = asyncpg.connect, psycopg.connect

        async def timed_connect_async(*args: Any, **options: Any) -> Any:
            with self._connecting():
                return await connect_async(*args, **options)

        def timed_connect(*args: Any, **options: Any) -> Any:
            with self._connecting():
                return connect(*args, **options)

        _patch(patches, PoolAcquireContext, "__aenter__", aenter)
        _patch(patches, PoolAcquireContext, "__aexit__", aexit)
        _patch(patches, psycopg_pool.ConnectionPool, "getconn", getconn)
        _patch(patches, psycopg_pool.ConnectionPool, "putconn", putconn)
        _patch(patches, asyncpg, "connect", timed_connect_async)
        _patch(patches, psycopg, "connect", timed_connect)

    @contextlib.contextmanager
    def _connecting(self) -> Iterator[None]:
        account, began = self.current, time.monotonic_ns()
        try:
            yield
        finally:
            account.connects += 1
            account.connecting += time.monotonic_ns() - began

    def _watch_calls(self, patches: contextlib.ExitStack) -> None:
        ask_async, ask = aiohttp.ClientSession._request, requests.Session.request
        wait_async = aiohttp.BaseConnector._wait_for_available_connection
        lease = urllib3.HTTPConnectionPool._get_conn

        async def timed_request_async(session: Any, *args: Any, **options: Any) -> Any:
            account, began = self.current, time.monotonic_ns()
            try:
                return await ask_async(session, *args, **options)
            finally:
                account.calls += 1
                account.calling += time.monotonic_ns() - began

        def timed_request(session: Any, *args: Any, **options: Any) -> Any:
            account, began = self.current, time.monotonic_ns()
            try:
                return ask(session, *args, **options)
            finally:
                account.calls += 1
                account.calling += time.monotonic_ns() - began

        async def timed_wait_async(connector: Any, *args: Any) -> None:
            account, began = self.current, time.monotonic_ns()
            try:
                await wait_async(connector, *args)
            finally:
                account.call_wait += time.monotonic_ns() - began

        def timed_lease(pool: Any, timeout: float | None = None) -> Any:
            account, began = self.current, time.monotonic_ns()
            try:
                return lease(pool, timeout)
            finally:
                account.call_wait += time.monotonic_ns() - began

        _patch(patches, aiohttp.ClientSession, "_request", timed_request_async)
        _patch(patches, requests.Session, "request", timed_request)
        _patch(patches, aiohttp.BaseConnector, "_wait_for_available_connection", timed_wait_async)
        _patch(patches, urllib3.HTTPConnectionPool, "_get_conn", timed_lease)


class _Steps(Coroutine[Any, Any, Any]):
    """A coroutine whose every step is timed: how long it held the loop, and how much of that its thread computed."""

    __slots__ = ("_coroutine", "_ledger")

    def __init__(self, coroutine: Coroutine[Any, Any, Any], ledger: Ledger) -> None:
        self._coroutine = coroutine
        self._ledger = ledger

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
        ledger = self._ledger
        ledger.holder = ledger._route.get()
        began, computed = time.perf_counter_ns(), time.thread_time_ns()
        try:
            return resume(*args)
        finally:
            computed = time.thread_time_ns() - computed
            took = time.perf_counter_ns() - began
            ledger.holder = None
            account = ledger.current
            account.steps += 1
            account.stepping += took
            account.computing += computed
            if took > LONG_HOLD_NS:
                account.long_steps += 1
                account.long_stepping += took
                account.long_computing += computed


def _patch(patches: contextlib.ExitStack, owner: Any, name: str, replacement: Any) -> None:
    patches.callback(setattr, owner, name, getattr(owner, name))
    setattr(owner, name, replacement)
