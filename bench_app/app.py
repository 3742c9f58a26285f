"""The FastAPI application: it mounts each variant at /{workload}/{variant} and opens the resources in its lifespan."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import anyio.to_thread
from fastapi import FastAPI
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from bench_app.die_with_parent import die_with_parent
from bench_app.discovery import discover
from bench_app.paths import BYSTANDER_PATH, CATALOGUE_PATH, SYNC_BYSTANDER_PATH, THREADS_PATH
from bench_app.resources import open_resources
from bench_app.route_table import RouteTable
from bench_app.settings import Settings
from bench_app.workload import Workload
from bench_probe.application import Application
from bench_probe.probe import Probe
from bench_probe.thread_recorder import ThreadRecorder

BENCH_APP: Final = Path(__file__).parent
PASSED_BY_ALL: Final = (Path(__file__), BENCH_APP / "route_table.py")
"""Files of this package that run for every request but define no handler. The probe attributes no delay to them."""


def create_app(settings: Settings | None = None, *, recorded: bool | None = None) -> FastAPI:
    """Build the service. uvicorn calls this without arguments, so that the environment decides.

    Args:
        settings: the configuration; None reads it from the environment (see `Settings.from_environment`).
        recorded: wrap every handler so that THREADS_PATH returns the threads that each one ran on; None reads
            BENCH_RECORD_THREADS, where 1 means yes.

    Raises:
        WorkloadError: a workload file cannot be used.
    """
    settings = settings or Settings.from_environment()
    if recorded is None:
        recorded = os.environ.get("BENCH_RECORD_THREADS") == "1"
    recorder = ThreadRecorder() if recorded else None
    workloads = discover(settings.package, settings.workloads_dir)
    probe = None
    if settings.telemetry is not None:
        folders = [BENCH_APP, *([settings.workloads_dir] if settings.workloads_dir else [])]
        own = Application(folders, excluded=PASSED_BY_ALL, root=BENCH_APP.parent)
        probe = Probe(settings.telemetry, settings.probe, own)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if recorder is not None:
            recorder.loop_thread = threading.get_ident()
        if settings.workers > 1:
            die_with_parent()
        anyio.to_thread.current_default_thread_limiter().total_tokens = settings.threads
        executor = ThreadPoolExecutor(settings.executor, thread_name_prefix="asyncio")
        asyncio.get_running_loop().set_default_executor(executor)
        async with open_resources(settings) as resources:
            app.state.resources = resources
            with probe.watching(resources.pools) if probe is not None else nullcontext():
                yield

    app = FastAPI(
        title="Async versus blocking",
        description="Paired implementations of each endpoint. Each variant's description says what it does.",
        lifespan=lifespan,
        openapi_tags=[{"name": workload.name, "description": workload.question} for workload in workloads.values()],
    )
    for workload in workloads.values():
        _mount(app, workload, recorder)
    _mount_own(app, workloads, recorder)
    table = RouteTable(app.router)
    own_paths = (BYSTANDER_PATH, SYNC_BYSTANDER_PATH)
    variants = (variant.path for workload in workloads.values() for variant in workload.variants.values())
    for path in (*own_paths, *variants):
        table.connect(path, _route_below(app, path))
    app.router.middleware_stack = table
    if probe is not None:
        app.add_middleware(probe.wrap)
    return app


def _route_below(app: FastAPI, path: str) -> BaseRoute:
    """Return the route that is mounted at this path, or at a template that begins with it."""
    return next(
        route for route in app.router.routes if isinstance(route, APIRoute) and f"{route.path}/".startswith(f"{path}/")
    )


def _mount(app: FastAPI, workload: Workload, recorder: ThreadRecorder | None) -> None:
    for variant in workload.variants.values():
        handler = variant.handler if recorder is None else recorder.record(variant.path, variant.handler)
        app.add_api_route(
            variant.path + workload.route,
            handler,
            name=f"{workload.name}_{variant.name}",
            methods=sorted({request.method for request in workload.requests}),
            summary=f"{workload.name}: {variant.name}",
            description=f"{variant.description}\n\nKind: `{variant.kind}`.",
            tags=[workload.name],
            responses=dict(workload.responses),
        )


def _mount_own(app: FastAPI, workloads: dict[str, Workload], recorder: ThreadRecorder | None) -> None:
    """Mount the routes that belong to the bench itself and to no workload."""

    @app.get(BYSTANDER_PATH, include_in_schema=False)
    async def bystander() -> Response:
        """Answer from a trivial async def handler: its latency is the delay that other requests on this server meet."""
        return Response(b"ok", media_type="text/plain")

    @app.get(SYNC_BYSTANDER_PATH, include_in_schema=False)
    def sync_bystander() -> Response:
        """Answer from a trivial def handler, which also waits for a worker thread."""
        return Response(b"ok", media_type="text/plain")

    @app.get(CATALOGUE_PATH, include_in_schema=False)
    async def catalogue() -> list[dict[str, Any]]:
        """Return the requests of each variant, which is all that a load generator needs to know of a workload."""
        return [
            {
                "workload": workload.name,
                "variant": variant.name,
                "requests": [asdict(request) | {"path": variant.path + request.path} for request in workload.requests],
            }
            for workload in workloads.values()
            for variant in workload.variants.values()
        ]

    if recorder is not None:

        @app.get(THREADS_PATH, include_in_schema=False)
        async def threads() -> dict[str, list[str]]:
            """Return the threads that each variant's handler ran on, by the variant's path."""
            return {path: sorted(threads) for path, threads in recorder.threads.items()}
