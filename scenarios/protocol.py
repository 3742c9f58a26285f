"""What the conductor and the load process say to each other: one JSON object a line, an order down, a result up.

Pure, so that the harness imports it without importing Locust.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from scenarios.histogram import Distribution


@dataclass(frozen=True, slots=True)
class RequestSpec:
    """One request of a mix: a GET of `path` that must answer with status `expect`, `weight` times in a rotation."""

    path: str
    expect: int = 200
    weight: int = 1


@dataclass(frozen=True, slots=True)
class TrialOrder:
    """One trial to run: `users` connections in a closed loop, each sending its next request when the last is answered.

    Times are in seconds. Requests are counted within the window that follows the warm-up; `drain_s` is the longest
    time that those in flight at its end are waited for. `watch` names processes, by role, whose CPU time is read at
    both ends of the window.
    """

    name: str
    host: str
    port: int
    requests: tuple[RequestSpec, ...]
    users: int
    warmup_s: float
    window_s: float
    drain_s: float
    timeout_s: float
    bystander_path: str | None = None
    bystander_rate_rps: float = 20.0
    watch: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TrialResult:
    """What one trial showed, by the client's clock.

    `completed` counts the successes that ended inside the window, so throughput is `completed / window_s`. `latency`
    holds the successes that were sent inside it, each followed to its end. `failures` counts by cause the requests
    that failed or were never answered. `bystander` is the neighbour's latency, charged from the time at which each
    probe was due. `lag` is how late the load process itself woke. `cpu_s` is CPU time within the window by role;
    `core_busy` the busy share of every core of the machine, 0 to 1.
    """

    opened_ns: int
    window_s: float
    completed: int
    latency: Distribution
    failures: dict[str, int]
    failed_latency: Distribution
    bystander: Distribution
    bystander_failures: dict[str, int]
    lag: Distribution
    cpu_s: dict[str, float]
    core_busy: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Ready:
    """The load process's first line."""

    locust: str
    gevent: str
