"""What the conductor and the load process say to each other: one JSON object a line, an order down, a result up.

Pure, so that the harness imports it without importing Locust.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from scenarios.arrivals import Arrivals
from scenarios.histogram import Distribution

STAGGER: Final = 0.75
"""The share of the warm-up over which the users of a closed loop begin."""

UNANSWERED: Final = "unanswered when the drain ended"
TIMEOUT: Final = "timeout"
"""The two causes of failure after which a server may still be working on what nobody waits for."""


@dataclass(frozen=True, slots=True)
class RequestSpec:
    """One request of a mix: it must answer with status `expect`, and is sent `weight` times in a rotation."""

    path: str
    expect: int = 200
    weight: int = 1
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""


@dataclass(frozen=True, slots=True)
class ClosedLoop:
    """`users` connections, each sending its next request `think_s` seconds after the last one is answered."""

    users: int
    think_s: float = 0.0
    model: Literal["closed"] = "closed"


@dataclass(frozen=True, slots=True)
class OpenLoop:
    """`rate_rps` requests a second on a schedule that no answer delays, over at most `users` connections.

    What is due while no connection is free waits, and its latency counts from when it was due; it is dropped, and
    counted so, once it has waited as long as a request may take.
    """

    users: int
    rate_rps: float
    arrivals: Arrivals = "constant"
    seed: int = 1
    model: Literal["open"] = "open"


@dataclass(frozen=True, slots=True)
class TrialOrder:
    """One trial to run.

    Times are in seconds. In a closed loop the users begin evenly spread over the first `STAGGER` of the warm-up.
    Requests are counted within the window that follows the warm-up; `drain_s` is the longest time that those in flight
    at its end are waited for. `watch` names processes, by role, whose CPU time is read at both ends of the window.
    """

    name: str
    host: str
    port: int
    requests: tuple[RequestSpec, ...]
    load: ClosedLoop | OpenLoop
    warmup_s: float
    window_s: float
    drain_s: float
    timeout_s: float
    bystander_path: str | None = None
    bystander_rate_rps: float = 20.0
    watch: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Second:
    """One second of a trial, counted from the opening of the window; the drain is among the last ones.

    `completed` and `failed` are what ended in it; `latency` is of the successes among them that were sent, or due,
    within the window.
    """

    completed: int
    failed: int
    latency: Distribution


@dataclass(frozen=True, slots=True)
class TrialResult:
    """What one trial showed, by the client's clock.

    `connected` is how many users ever were. `completed` counts the successes that ended inside the window, so
    throughput is `completed / window_s`. Three clocks, over the successes that were due inside the window and each
    followed to its end: `latency` from when a request was due to its answer, `service` from when it was sent,
    `send_lag` between the two. In a closed loop a request is due when it is sent, so there `service` equals `latency`,
    and `service` and `send_lag` are left empty. `failures` counts by cause the requests that failed or were never
    answered; `dropped` those that were due and never sent. `sent` and `answered` count everything in the trial, warm-up
    and drain included: what a server should have counted too. `bystander` is the neighbour's latency, from when each
    probe was due. `lag` is how late the load process itself woke. `cpu_s` is CPU time within the window by role;
    `core_busy` the busy share of every core of the machine, 0 to 1.
    """

    opened_ns: int
    window_s: float
    connected: int
    completed: int
    latency: Distribution
    service: Distribution
    send_lag: Distribution
    failures: dict[str, int]
    failed_latency: Distribution
    dropped: int
    sent: int
    answered: int
    seconds: tuple[Second, ...]
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
