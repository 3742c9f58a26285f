"""The application: every variant of every workload at /{workload}/{variant}, resources opened by the lifespan."""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import anyio.to_thread
from fastapi import FastAPI
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from bench_app.ledger import Ledger
from bench_app.lifeline import die_with_parent
from bench_app.paths import BYSTANDER_PATH, CATALOGUE_PATH, SYNC_BYSTANDER_PATH, WITNESS_PATH
from bench_app.probe import probing
from bench_app.resources import Resources, open_resources
from bench_app.settings import Settings
from bench_app.switchboard import Switchboard
from bench_app.watchdog import Watchdog
from bench_app.witness import Witness
from bench_app.workload import PACKAGES, Workload, discover


def create_app(settings: Settings | None = None, *, witnessed: bool | None = None) -> FastAPI:
    """Build the service. uvicorn calls this without arguments; then the environment decides.

    `witnessed` wraps every handler so that the threads they run on can be asked for (BENCH_WITNESS=1). BENCH_PACKAGE
    names what it serves instead of the workloads: the controls of the instrument, or the faults.
    """
    settings = settings or Settings.from_environment()
    if witnessed is None:
        witnessed = os.environ.get("BENCH_WITNESS") == "1"
    witness = Witness() if witnessed else None
    ledger = Ledger() if settings.telemetry is not None and settings.probe == "diagnose" else None
    named = os.environ.get("BENCH_PACKAGE")
    workloads = discover(next((package for package in PACKAGES if package == named), "workloads"))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if witness is not None:
            witness.loop_thread = threading.get_ident()
        if settings.workers > 1:
            die_with_parent()
        anyio.to_thread.current_default_thread_limiter().total_tokens = settings.threads
        async with open_resources(settings) as resources:
            app.state.resources = resources
            with _telling(settings, resources, ledger):
                yield

    app = FastAPI(
        title="Async versus blocking",
        description="Paired implementations of each endpoint. Each variant's description says what it does.",
        lifespan=lifespan,
        openapi_tags=[{"name": workload.name, "description": workload.question} for workload in workloads.values()],
    )
    for workload in workloads.values():
        _mount(app, workload, witness)
    _mount_own(app, workloads, witness)
    switchboard = Switchboard(app.router)
    own = (BYSTANDER_PATH, SYNC_BYSTANDER_PATH)
    variants = (variant.path for workload in workloads.values() for variant in workload.variants.values())
    for path in (*own, *variants):
        switchboard.connect(path, _route_below(app, path))
    app.router.middleware_stack = switchboard
    if ledger is not None:
        app.add_middleware(ledger.middleware)
    return app


def _route_below(app: FastAPI, path: str) -> BaseRoute:
    """The route that was mounted at this path, or at a template that begins with it."""
    return next(
        route for route in app.router.routes if isinstance(route, APIRoute) and f"{route.path}/".startswith(f"{path}/")
    )


@contextmanager
def _telling(settings: Settings, resources: Resources, ledger: Ledger | None) -> Iterator[None]:
    """Say what goes on in this process, if anybody wants to know; called on the loop."""
    if settings.telemetry is None:
        yield
        return
    # With several workers each has a file of its own.
    path = Path(f"{settings.telemetry}.{os.getpid()}.jsonl")
    with ExitStack() as stack:
        totals = None
        if ledger is not None:
            watchdog = Watchdog(ledger, threading.get_ident())
            stack.enter_context(ledger.kept())
            stack.enter_context(watchdog.watching())

            def totals() -> dict[str, Any]:
                return {"accounts": ledger.totals(), "stacks": watchdog.totals()}

        stack.enter_context(probing(path, settings.probe, resources.pools, totals))
        yield


def _mount(app: FastAPI, workload: Workload, witness: Witness | None) -> None:
    for variant in workload.variants.values():
        handler = variant.handler if witness is None else witness.watch(variant.path, variant.handler)
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


def _mount_own(app: FastAPI, workloads: dict[str, Workload], witness: Witness | None) -> None:
    """The routes that belong to the bench itself and to no workload."""

    @app.get(BYSTANDER_PATH, include_in_schema=False)
    async def bystander() -> Response:
        """The cheapest async def there is: how long its answer takes is what the neighbours feel."""
        return Response(b"ok", media_type="text/plain")

    @app.get(SYNC_BYSTANDER_PATH, include_in_schema=False)
    def sync_bystander() -> Response:
        """The cheapest def there is: it also waits for a thread."""
        return Response(b"ok", media_type="text/plain")

    @app.get(CATALOGUE_PATH, include_in_schema=False)
    async def catalogue() -> list[dict[str, Any]]:
        """What can be loaded, as requests: this is all that a load generator has to know of the workloads."""
        return [
            {
                "workload": workload.name,
                "variant": variant.name,
                "requests": [asdict(request) | {"path": variant.path + request.path} for request in workload.requests],
            }
            for workload in workloads.values()
            for variant in workload.variants.values()
        ]

    if witness is not None:

        @app.get(WITNESS_PATH, include_in_schema=False)
        async def witness_threads() -> dict[str, list[str]]:
            """The threads that each variant's handler ran on, by the variant's path."""
            return {path: sorted(threads) for path, threads in witness.threads.items()}
