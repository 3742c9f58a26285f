"""The pools and sessions of a server: as large as the settings say, and none where nothing is configured."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import cast

import pytest
from aiohttp import TCPConnector
from fastapi import HTTPException
from requests.adapters import HTTPAdapter

from bench_app.resources import Resources, open_resources
from bench_app.settings import Settings

UPSTREAM = Settings(upstream="http://127.0.0.1:9", outbound_size=7)


def opened(settings: Settings, look: Callable[[Resources], object]) -> object:
    """What `look` returns of the resources while they are open."""

    async def live() -> object:
        async with open_resources(settings) as resources:
            return look(resources)

    return asyncio.run(live())


@pytest.mark.parametrize(
    ("resource", "variable"),
    [
        ("dsn", "BENCH_DSN"),
        ("asyncpg_pool", "BENCH_DSN"),
        ("psycopg_pool", "BENCH_DSN"),
        ("upstream", "BENCH_UPSTREAM"),
        ("aiohttp_session", "BENCH_UPSTREAM"),
        ("requests_session", "BENCH_UPSTREAM"),
    ],
)
def test_what_is_not_configured_is_unavailable_and_names_the_setting(resource: str, variable: str):
    with pytest.raises(HTTPException, match=variable) as refused:
        opened(Settings(), lambda resources: getattr(resources, resource))
    assert refused.value.status_code == 503


def test_without_a_database_there_is_no_pool_to_tell_of():
    assert opened(Settings(), Resources.pools) == (None, None)


def test_both_clients_may_open_the_same_number_of_connections():
    def sizes(resources: Resources) -> tuple[int, int]:
        connector = cast(TCPConnector, resources.aiohttp_session.connector)
        adapter = cast(HTTPAdapter, resources.requests_session.get_adapter(resources.upstream))
        return connector.limit, adapter.poolmanager.connection_pool_kw["maxsize"]

    assert opened(UPSTREAM, sizes) == (7, 7)


def test_what_was_opened_is_closed_even_after_an_error():
    async def fail() -> Resources:
        seen = None
        with pytest.raises(RuntimeError, match="a handler"):
            async with open_resources(UPSTREAM) as seen:
                raise RuntimeError("a handler")
        assert seen is not None
        return seen

    assert asyncio.run(fail()).aiohttp_session.closed


def test_both_pools_are_full_of_connections_before_the_first_request_and_the_busier_one_is_told(settings: Settings):
    async def live() -> list[tuple[int | None, int | None]]:
        async with open_resources(replace(settings, pool_size=3)) as resources:
            told = [resources.pools()]
            async with resources.asyncpg_pool.acquire():
                told.append(resources.pools())
                with resources.psycopg_pool.connection(), resources.psycopg_pool.connection():
                    told.append(resources.pools())
            return told

    assert asyncio.run(live()) == [(3, 0), (3, 1), (3, 2)]
