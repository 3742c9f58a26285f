"""What the server is told by its environment. Standard library only: the conductor reads it, and opens no pool."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from bench_app.workload import PACKAGES, Package

SCHEMA: Final = "bench_async_versus_blocking"
TABLE: Final = f"{SCHEMA}.item"
THREAD_TOKENS: Final = 40
"""anyio's default limiter: how many def handlers, or run_in_threadpool calls, run at a time in one event loop."""

WAIT_S: Final = 0.02
"""What `sleep` waits, and the upstream service before it answers, in seconds, where nothing else is set."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the neighbours are, and how large the pools to them: the same figure for the async and the blocking one.

    `wait_s` is how long, in seconds, a handler waits whose wait is all that it does. `threads` is how many worker
    threads the event loop's default limiter admits, `workers` how many processes like this one
    there are. `telemetry` is the file, less its ending, that the probe writes in its mode `probe`; without one there is
    no probe.
    """

    dsn: str | None = None
    upstream: str | None = None
    pool_size: int = 10
    pool_timeout_s: float = 30.0
    outbound_size: int = 100
    wait_s: float = WAIT_S
    threads: int = THREAD_TOKENS
    workers: int = 1
    telemetry: str | None = None
    probe: Literal["measure", "diagnose"] = "measure"
    package: Package = "workloads"
    workloads_dir: Path | None = None

    @classmethod
    def from_environment(cls) -> Settings:
        """Read BENCH_DSN, BENCH_UPSTREAM, BENCH_TELEMETRY, BENCH_PROBE, and by their names the other figures."""
        default = cls()
        return cls(
            dsn=os.environ.get("BENCH_DSN") or None,
            upstream=os.environ.get("BENCH_UPSTREAM") or None,
            pool_size=int(os.environ.get("BENCH_POOL_SIZE", default.pool_size)),
            outbound_size=int(os.environ.get("BENCH_OUTBOUND_SIZE", default.outbound_size)),
            wait_s=float(os.environ.get("BENCH_WAIT_S", default.wait_s)),
            threads=int(os.environ.get("BENCH_THREADS", default.threads)),
            workers=int(os.environ.get("BENCH_WORKERS", default.workers)),
            telemetry=os.environ.get("BENCH_TELEMETRY") or None,
            probe="diagnose" if os.environ.get("BENCH_PROBE") == "diagnose" else "measure",
            workloads_dir=Path(folder) if (folder := os.environ.get("BENCH_WORKLOADS")) else None,
            package=next((each for each in PACKAGES if each == os.environ.get("BENCH_PACKAGE")), default.package),
        )
