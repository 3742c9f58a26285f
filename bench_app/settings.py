"""Settings that the server reads from its environment. Standard library only: the command line imports it too."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from bench_app.workload import PACKAGES, Package

EXECUTOR_THREADS: Final = min(32, (os.cpu_count() or 1) + 4)
"""Threads of asyncio's default executor, by Python's own rule for this machine."""
SCHEMA: Final = "bench_async_versus_blocking"
TABLE: Final = f"{SCHEMA}.item"
THREAD_TOKENS: Final = 40
"""Size of anyio's default limiter: how many def handlers and run_in_threadpool calls one event loop runs at a time."""

WAIT_S: Final = 0.02
"""Default wait in seconds: of the `sleep` handlers, and of the upstream service before it answers."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The configuration of one server process.

    Attributes:
        dsn: the PostgreSQL server; None where there is none.
        upstream: the URL of the upstream HTTP service; None where there is none.
        pool_size: connections in each database pool, the same number for the async and the blocking driver.
        pool_timeout_s: longest wait for a pooled connection, in seconds.
        outbound_size: connections to the upstream service, the same number for aiohttp and requests.
        wait_s: how long the `sleep` handlers wait, in seconds.
        threads: worker threads that the default limiter of the event loop admits.
        executor: threads of the event loop's default executor, which `asyncio.to_thread` uses.
        workers: server processes like this one.
        telemetry: path prefix of the file that the probe writes; None turns the probe off.
        probe: the mode of the probe.
        package: the package of `bench_app` whose workloads are served.
        workloads_dir: a folder with further workload files, or None.
    """

    dsn: str | None = None
    upstream: str | None = None
    pool_size: int = 10
    pool_timeout_s: float = 30.0
    outbound_size: int = 100
    wait_s: float = WAIT_S
    threads: int = THREAD_TOKENS
    executor: int = EXECUTOR_THREADS
    workers: int = 1
    telemetry: str | None = None
    probe: Literal["measure", "diagnose"] = "measure"
    package: Package = "workloads"
    workloads_dir: Path | None = None

    @classmethod
    def from_environment(cls) -> Settings:
        """Read the settings from the environment, each from BENCH_ and its name; an unset one keeps its default.

        Two differ: `workloads_dir` is BENCH_WORKLOADS, and `pool_timeout_s` always keeps its default.

        Raises:
            ValueError: a variable that must hold a number does not.
        """
        default = cls()
        return cls(
            dsn=os.environ.get("BENCH_DSN") or None,
            upstream=os.environ.get("BENCH_UPSTREAM") or None,
            pool_size=int(os.environ.get("BENCH_POOL_SIZE", default.pool_size)),
            outbound_size=int(os.environ.get("BENCH_OUTBOUND_SIZE", default.outbound_size)),
            wait_s=float(os.environ.get("BENCH_WAIT_S", default.wait_s)),
            threads=int(os.environ.get("BENCH_THREADS", default.threads)),
            executor=int(os.environ.get("BENCH_EXECUTOR", default.executor)),
            workers=int(os.environ.get("BENCH_WORKERS", default.workers)),
            telemetry=os.environ.get("BENCH_TELEMETRY") or None,
            probe="diagnose" if os.environ.get("BENCH_PROBE") == "diagnose" else "measure",
            workloads_dir=Path(folder) if (folder := os.environ.get("BENCH_WORKLOADS")) else None,
            package=next((each for each in PACKAGES if each == os.environ.get("BENCH_PACKAGE")), default.package),
        )
