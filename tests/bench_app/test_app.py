"""Every endpoint, in the guide's own two ways: TestClient, and pytest-asyncio with an async client."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest
import pytest_asyncio
from fastapi.testclient import TestClient

from bench_app.app import create_app
from bench_app.discovery import discover
from bench_app.settings import Settings
from bench_app.workload import Request, Variant, Workload

ENDPOINTS = [
    pytest.param(workload, variant, request, id=variant.path[1:] + request.path)
    for workload in discover().values()
    for variant in workload.variants.values()
    for request in workload.requests
]


@pytest.fixture(scope="module")
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings)) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def async_client(settings: Settings) -> AsyncIterator[httpx2.AsyncClient]:
    app = create_app(settings)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://in-process") as opened,
    ):
        yield opened


@pytest.mark.parametrize(("workload", "variant", "request_"), ENDPOINTS)
def test_each_endpoint_answers_as_its_workload_declares(
    client: TestClient, workload: Workload, variant: Variant, request_: Request
):
    answer = client.get(variant.path + request_.path)
    assert answer.status_code == request_.expect
    twin = next(iter(workload.variants.values()))
    assert answer.json() == client.get(twin.path + request_.path).json()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("workload", "variant", "request_"), ENDPOINTS)
async def test_each_endpoint_answers_an_async_client_too(
    async_client: httpx2.AsyncClient, workload: Workload, variant: Variant, request_: Request
):
    answer = await async_client.get(variant.path + request_.path)
    assert answer.status_code == request_.expect


def test_the_root_greets(client: TestClient):
    assert client.get("/root/async").json() == {"Hello": "World"}


def test_the_database_gives_twenty_seeded_rows(client: TestClient):
    rows = client.get("/database/async").json()
    assert [row["id"] for row in rows] == list(range(1, 21))
    assert rows[0] == {"id": 1, "name": "item 1", "quantity": 7}


def test_a_negative_item_is_refused_with_a_reason(client: TestClient):
    assert client.get("/item/async/-1").json() == {"detail": "item_id must not be negative"}


@pytest.mark.asyncio(loop_scope="module")
async def test_async_sleepers_wait_together_and_a_blocking_one_makes_them_queue(async_client: httpx2.AsyncClient):
    async def together(path: str) -> float:
        started = asyncio.get_running_loop().time()
        await asyncio.gather(*(async_client.get(path) for _ in range(10)))
        return asyncio.get_running_loop().time() - started

    assert await together("/sleep/blocking") >= 10 * 0.02
    assert await together("/sleep/async") < await together("/sleep/blocking")


def test_openapi_says_of_each_variant_what_it_does(client: TestClient):
    paths = client.get("/openapi.json").json()["paths"]
    for workload in discover().values():
        for variant in workload.variants.values():
            operation = paths[variant.path + workload.route]["get"]
            assert variant.description in operation["description"]
            assert f"`{variant.kind}`" in operation["description"]
            assert operation["responses"]["200"]["content"]["application/json"]["schema"]
    assert client.get("/docs").status_code == 200


def test_a_server_without_a_database_says_which_setting_is_missing():
    with TestClient(create_app(Settings())) as client:
        for path, variable in (("/database/sync", "BENCH_DSN"), ("/external/async", "BENCH_UPSTREAM")):
            answer = client.get(path)
            assert (answer.status_code, variable in answer.json()["detail"]) == (503, True)
