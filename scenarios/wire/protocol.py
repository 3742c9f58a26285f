"""What the conductor and the load process say to each other: one JSON object a line, an order down, a result up.

Pure, so that the harness imports it without importing Locust.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Final, Literal, get_args

from scenarios.wire.arrivals import Arrivals
from scenarios.wire.histogram import Distribution, bin_of, merge

STAGGER: Final = 0.75
"""The share of the warm-up over which the users of a closed loop begin."""

SLICES: Final = 10
SHORTEST_SLICE_S, LONGEST_SLICE_S = 0.1, 1.0

UNANSWERED: Final = "unanswered when the drain ended"
TIMEOUT: Final = "timeout"
"""The two causes of failure after which a server may still be working on what nobody waits for."""


def slice_s(window_s: float) -> float:
    """How long the slices are in which a window is recorded: ten of them where it is short, else seconds."""
    return min(LONGEST_SLICE_S, max(SHORTEST_SLICE_S, window_s / SLICES))


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


VictimName = Literal["async_warm", "async_cold", "sync_warm", "sync_cold"]
VICTIMS: Final[tuple[VictimName, ...]] = get_args(VictimName)


@dataclass(frozen=True, slots=True)
class VictimSpec:
    """One victim to ask: a trivial endpoint, `rate_rps` times a second, on kept connections or always on a new one."""

    name: VictimName
    path: str
    cold: bool
    rate_rps: float


@dataclass(frozen=True, slots=True)
class Victim:
    """What one victim felt. Latencies count from when each probe was due.

    `censored` are those among them that were still waiting when the load ended: they would have taken longer, so that
    each is a lower bound. `probes` are all of them one by one, as (when it was due, in ms from the opening of the
    window; latency in µs). `failures` counts by cause the probes that got no good answer.
    """

    latency: Distribution = field(default_factory=Distribution)
    censored: Distribution = field(default_factory=Distribution)
    failures: dict[str, int] = field(default_factory=dict)
    probes: tuple[tuple[int, int], ...] = ()

    def percentile_us(self, percent: float) -> float | None:
        """Return the latency that `percent` of the probes do not exceed, in µs; None where there was no probe."""
        return self.latency.percentile_us(percent)

    def is_lower_bound(self, percent: float) -> bool:
        """Return whether a probe at or below this percentile was still waiting when the load ended."""
        value_us = self.latency.percentile_us(percent)
        if not self.censored.n or value_us is None:
            return False
        # A percentile is known to its bin, and no better.
        return bin_of(self.censored.min_us) <= bin_of(int(value_us))


def merged_victims(parts: Iterable[Mapping[VictimName, Victim]]) -> dict[VictimName, Victim]:
    """Return what each victim felt over all parts."""
    found: dict[VictimName, list[Victim]] = {}
    for part in parts:
        for name, victim in part.items():
            found.setdefault(name, []).append(victim)
    return {
        name: Victim(
            latency=merge(victim.latency for victim in victims),
            censored=merge(victim.censored for victim in victims),
            failures=_added(victim.failures for victim in victims),
            probes=tuple(probe for victim in victims for probe in victim.probes),
        )
        for name, victims in found.items()
    }


@dataclass(frozen=True, slots=True)
class Share:
    """The part of a trial that one of `of` load processes does: it is number `index`, from 0."""

    index: int = 0
    of: int = 1


ALONE: Final = Share()
"""All of it."""


@dataclass(frozen=True, slots=True)
class TrialOrder:
    """One trial to run.

    Times are in seconds. In a closed loop the users begin evenly spread over the first `STAGGER` of the warm-up.
    Requests are counted within the window that follows the warm-up; `drain_s` is the longest time that those in flight
    at its end are waited for. `watch` names processes, by role, whose CPU time is read at both ends of the window, and
    `loop_threads` the thread of each that runs its event loop, where it is not the first.
    `victims` are asked meanwhile; `stamped` requests say when they were sent, by the header `x-sent`.
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
    victims: tuple[VictimSpec, ...] = ()
    stamped: bool = False
    watch: dict[str, int] = field(default_factory=dict)
    loop_threads: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Slice:
    """One slice of a trial's time, counted from the opening of the window; the drain is among the last ones.

    `completed` and `failed` are what ended in it; `latency` is of the successes among them that were sent, or due,
    within the window.
    """

    completed: int
    failed: int
    latency: Distribution


@dataclass(frozen=True, slots=True)
class ProcessUsage:
    """What a process and its children used within the window, seen from outside; None where the system does not tell.

    `rss_mib` and `threads` are of its end. `run_delay_s` is how long their first threads, which for a server are the
    event loops', stood ready in the run queue; `switches` and `preemptions` how often they gave up the core themselves
    and how often it was taken from them.
    """

    user_s: float
    system_s: float
    rss_mib: float | None = None
    threads: int | None = None
    run_delay_s: float | None = None
    switches: int | None = None
    preemptions: int | None = None


@dataclass(frozen=True, slots=True)
class TrialResult:
    """What one trial showed, by the client's clock.

    `connected` is how many users ever were. `completed` counts the successes that ended inside the window, so
    throughput is `completed / window_s`. Three clocks, over the successes that were due inside the window and each
    followed to its end: `latency` from when a request was due to its answer, `service` from when it was sent,
    `send_lag` between the two. In a closed loop a request is due when it is sent, so there `service` equals
    `latency`, and `service` and `send_lag` are left empty. `failures` counts by cause the requests that failed or
    were never answered; `dropped` those that were due and never sent. `slices` are of `slice_s` seconds each.
    `sent` and `answered` count everything in the trial, warm-up and drain included: what a server should have
    counted too. `victims` is what each victim felt. `lag` is how late the load process itself woke. `cpu_s` is CPU
    time within the window by role; `core_busy` the busy share of every core of the machine, 0 to 1, and `core_steal`
    the part of it that a hypervisor kept; `throttled` how often the control group's CPU quota stopped its processes.
    Of several load processes, `load_processes` made this and `lost` more were lost on the way, with whatever they had
    sent; the role "load" is then the busiest of them.
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
    slices: tuple[Slice, ...]
    lag: Distribution
    cpu_s: dict[str, float]
    core_busy: tuple[float, ...]
    load_processes: int = 1
    lost: int = 0
    core_steal: tuple[float, ...] = ()
    throttled: int = 0
    victims: dict[VictimName, Victim] = field(default_factory=dict)
    processes: dict[str, ProcessUsage] = field(default_factory=dict)
    slice_s: float = 1.0

    @property
    def throughput_rps(self) -> float:
        """Successes that ended within the window, a second."""
        return self.completed / self.window_s

    @property
    def load_cpu(self) -> float:
        """The share of its core that the busiest load process used."""
        return self.cpu_s["load"] / self.window_s


def together(parts: Sequence[TrialResult]) -> TrialResult:
    """What several load processes saw of the same trial, as if one had: every count exact, in any order.

    Raises:
        ValueError: there are none.
    """
    if not parts:
        raise ValueError("no load process has a result")
    first = parts[0]
    return TrialResult(
        opened_ns=first.opened_ns,
        window_s=first.window_s,
        connected=sum(part.connected for part in parts),
        completed=sum(part.completed for part in parts),
        latency=merge(part.latency for part in parts),
        service=merge(part.service for part in parts),
        send_lag=merge(part.send_lag for part in parts),
        failures=_added(part.failures for part in parts),
        failed_latency=merge(part.failed_latency for part in parts),
        dropped=sum(part.dropped for part in parts),
        sent=sum(part.sent for part in parts),
        answered=sum(part.answered for part in parts),
        slices=tuple(
            Slice(
                sum(each.completed for each in slices if each),
                sum(each.failed for each in slices if each),
                merge(each.latency for each in slices if each),
            )
            for slices in zip_longest(*(part.slices for part in parts))
        ),
        slice_s=first.slice_s,
        victims=merged_victims(part.victims for part in parts),
        lag=merge(part.lag for part in parts),
        cpu_s={"load": max(part.cpu_s["load"] for part in parts)},
        core_busy=(),
        load_processes=len(parts),
    )


def _added(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return dict(total)


@dataclass(frozen=True, slots=True)
class Ready:
    """The load process's first line. `port` is where it waits for workers, None where it does the work itself."""

    locust: str
    gevent: str
    version: str
    port: int | None = None


@dataclass(frozen=True, slots=True)
class Joined:
    """The lines that follow while it waits for workers: who is there of those `expected`, and who was sent away."""

    present: tuple[str, ...]
    expected: int
    refused: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        return len(self.present) >= self.expected
