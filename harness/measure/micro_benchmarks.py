"""The benchmarks that `bench.py micro` runs under pytest-benchmark: one ASGI call of each variant, without a network.

They need the environment that `harness.measure.services` gives to a server.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import cycle, islice
from typing import Any, Final

import pytest
import uvloop
from fastapi import FastAPI
from pytest_benchmark.fixture import BenchmarkFixture

from bench_app.app import create_app
from bench_app.discovery import discover
from bench_app.workload import Request, Variant, Workload

CALLS: Final = 20
"""The number of calls in one timed round.

anyio's worker threads live as long as the task that `run_until_complete` was given, so a round of one call would time
the start of a thread for each `def` handler, which a server pays once.
"""


def scaled_clock() -> float:
    """Return the time in units of `CALLS` seconds, so that a round of calls is reported as the time of one call."""
    return time.perf_counter() / CALLS


class InProcess:
    """The application on an event loop of its own, called without a socket."""

    def __init__(self) -> None:
        self._loop = uvloop.new_event_loop()
        self._app: FastAPI = create_app(recorded=False)
        self._lifespan = self._app.router.lifespan_context(self._app)
        self._loop.run_until_complete(self._lifespan.__aenter__())

    def close(self) -> None:
        self._loop.run_until_complete(self._lifespan.__aexit__(None, None, None))
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def round(self, variant: Variant, requests: list[Request]) -> list[int]:
        """Call the variant once for each request, one after the other, and return the statuses of its answers."""
        return self._loop.run_until_complete(self._calls(variant, requests))

    async def _calls(self, variant: Variant, requests: list[Request]) -> list[int]:
        return [await self._call(variant.path + request.path, request) for request in requests]

    async def _call(self, target: str, request: Request) -> int:
        status = 0
        path, _, query = target.partition("?")

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": request.body.encode(), "more_body": False}

        async def send(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]

        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [
                (b"host", b"in-process"),
                *((name.lower().encode(), value.encode()) for name, value in request.headers),
            ],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "state": {},
        }
        await self._app(scope, receive, send)
        return status


@pytest.fixture(scope="module")
def in_process() -> Iterator[InProcess]:
    """Yield the application, which stays open for all benchmarks."""
    application = InProcess()
    yield application
    application.close()


CASES: Final = [
    pytest.param(workload, variant, id=f"{workload.name}-{variant.name}")
    for workload in discover().values()
    for variant in workload.variants.values()
]


@pytest.mark.benchmark(timer=scaled_clock, min_rounds=10, max_time=0.5 / CALLS, warmup=True, warmup_iterations=2)
@pytest.mark.parametrize(("workload", "variant"), CASES)
def test_call(in_process: InProcess, benchmark: BenchmarkFixture, workload: Workload, variant: Variant) -> None:
    """Measure the mean time of one call of a variant, over the workload's mix of requests."""
    mix = [request for request in workload.requests for _ in range(request.weight)]
    requests = list(islice(cycle(mix), CALLS))
    benchmark.group = workload.name
    statuses = benchmark(in_process.round, variant, requests)
    assert statuses == [request.expect for request in requests]
