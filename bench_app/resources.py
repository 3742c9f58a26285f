"""Pools and sessions that the handlers share. The lifespan opens them once, in the same size for every variant."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import aiohttp
import asyncpg
import requests
from fastapi import HTTPException, Request
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool
from requests.adapters import HTTPAdapter

from bench_app.settings import Settings

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Resources:
    """The open pools and sessions. Reading one that the settings do not configure raises an HTTPException (503)."""

    settings: Settings
    _asyncpg_pool: asyncpg.Pool[Any] | None
    _psycopg_pool: ConnectionPool[Connection[TupleRow]] | None
    _aiohttp_session: aiohttp.ClientSession | None
    _requests_session: requests.Session | None

    def pools(self) -> tuple[int | None, int | None]:
        """Return (size, connections in use) of the busier database pool, or (None, None) without a database."""
        if self._asyncpg_pool is None or self._psycopg_pool is None:
            return None, None
        size = self._asyncpg_pool.get_size()
        out = size - self._asyncpg_pool.get_idle_size()
        stats = self._psycopg_pool.get_stats()
        size_too = stats["pool_size"]
        out_too = size_too - stats["pool_available"]
        return (size, out) if out > out_too else (size_too, out_too)

    @property
    def dsn(self) -> str:
        return _configured(self.settings.dsn, "BENCH_DSN")

    @property
    def upstream(self) -> str:
        return _configured(self.settings.upstream, "BENCH_UPSTREAM")

    @property
    def asyncpg_pool(self) -> asyncpg.Pool[Any]:
        return _configured(self._asyncpg_pool, "BENCH_DSN")

    @property
    def psycopg_pool(self) -> ConnectionPool[Connection[TupleRow]]:
        return _configured(self._psycopg_pool, "BENCH_DSN")

    @property
    def aiohttp_session(self) -> aiohttp.ClientSession:
        return _configured(self._aiohttp_session, "BENCH_UPSTREAM")

    @property
    def requests_session(self) -> requests.Session:
        return _configured(self._requests_session, "BENCH_UPSTREAM")


def _configured(resource: T | None, variable: str) -> T:
    if resource is None:
        raise HTTPException(status_code=503, detail=f"this server was started without {variable}")
    return resource


def resources_of(request: Request) -> Resources:
    """Return the resources of the application that serves this request.

    Handlers call this instead of declaring a dependency: FastAPI runs a def dependency in a worker thread, and so would
    charge a thread hop to the async variants too.
    """
    return cast(Resources, request.app.state.resources)


@asynccontextmanager
async def open_resources(settings: Settings) -> AsyncIterator[Resources]:
    """Open every pool and session that the settings configure, and close them at the end.

    The database pools connect to their full size before the first request.
    """
    asyncpg_pool = psycopg_pool = aiohttp_session = requests_session = None
    try:
        if settings.dsn is not None:
            asyncpg_pool = await asyncpg.create_pool(
                settings.dsn,
                min_size=settings.pool_size,
                max_size=settings.pool_size,
                # asyncpg sends a RESET statement on each release and psycopg_pool sends none. Both drivers must run
                # the same statements, and these handlers change nothing that would need a reset.
                reset=_no_reset,
            )
            psycopg_pool = ConnectionPool(
                settings.dsn,
                min_size=settings.pool_size,
                max_size=settings.pool_size,
                timeout=settings.pool_timeout_s,
                # asyncpg runs a single statement without BEGIN and COMMIT, so psycopg must do the same.
                kwargs={"autocommit": True},
                open=True,
            )
            psycopg_pool.wait(timeout=settings.pool_timeout_s)
        if settings.upstream is not None:
            aiohttp_session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=settings.outbound_size))
            requests_session = requests.Session()
            # The default adapter keeps 10 connections and closes the others after use. requests would then open
            # connections that aiohttp keeps.
            adapter = HTTPAdapter(pool_connections=1, pool_maxsize=settings.outbound_size, pool_block=True)
            requests_session.mount("http://", adapter)
        yield Resources(settings, asyncpg_pool, psycopg_pool, aiohttp_session, requests_session)
    finally:
        if requests_session is not None:
            requests_session.close()
        if aiohttp_session is not None:
            await aiohttp_session.close()
        if psycopg_pool is not None:
            psycopg_pool.close()
        if asyncpg_pool is not None:
            await asyncpg_pool.close()


async def _no_reset(connection: asyncpg.Connection[Any]) -> None:
    """Leave the connection as it is."""
