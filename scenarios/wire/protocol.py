"""The messages between the command line and the load process: one JSON object a line, orders in, results out.

This module imports neither gevent nor Locust, so that the harness can import it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Final, Literal

from scenarios.wire.arrivals import Arrivals
from scenarios.wire.histogram import Distribution, merge
from scenarios.wire.victim import Victim, VictimName, VictimSpec, added_counts, merged_victims

STAGGER: Final = 0.75
"""The share of the warm-up over which the users of a closed loop start."""

SLICES: Final = 10
SHORTEST_SLICE_S, LONGEST_SLICE_S = 0.1, 1.0

REQUEST_TIMEOUT_S: Final = 30.0
"""A request that has no complete answer by then has failed, in a run as in Locust's web UI."""

UNANSWERED: Final = "unanswered when the drain ended"
TIMEOUT: Final = "timeout"
"""The causes of failure after which the server may still be working on the abandoned request."""


def slice_s(window_s: float) -> float:
    """Return the length of a window's slices in seconds: a tenth of the window, but at least 0.1 s and at most 1 s."""
    return min(LONGEST_SLICE_S, max(SHORTEST_SLICE_S, window_s / SLICES))


@dataclass(frozen=True, slots=True)
class RequestSpec:
    """One request of a mix. It succeeds with the status `expect`, and is sent `weight` times in a round of the mix."""

    path: str
    expect: int = 200
    weight: int = 1
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""


@dataclass(frozen=True, slots=True)
class ClosedLoop:
    """`users` connections, each of which sends its next request `think_s` seconds after the last answer."""

    users: int
    think_s: float = 0.0
    model: Literal["closed"] = "closed"


@dataclass(frozen=True, slots=True)
class OpenLoop:
    """`rate_rps` requests a second on a schedule that no answer delays, over at most `users` connections.

    A request that becomes due while no connection is idle waits, and its latency counts from its due time. It is
    dropped, and counted as dropped, once it has waited as long as the time-out of a request.
    """

    users: int
    rate_rps: float
    arrivals: Arrivals = "constant"
    seed: int = 1
    model: Literal["open"] = "open"


@dataclass(frozen=True, slots=True)
class Share:
    """The part of a trial that load process number `index`, from 0, of `of` processes runs."""

    index: int = 0
    of: int = 1


ALONE: Final = Share()
"""The whole trial, in one process."""


@dataclass(frozen=True, slots=True)
class TrialOrder:
    """One trial to run. Times are in seconds.

    Attributes:
        name: the name of the trial; its letters and digits name Locust's user class.
        host: the address of the server.
        port: the port of the server.
        requests: the mix.
        load: the closed or the open loop.
        warmup_s: the time before the window. In a closed loop the users start evenly spread over its first `STAGGER`.
        window_s: the time in which requests count.
        drain_s: the longest wait for the requests that are in flight at the end.
        timeout_s: the longest time that a request may take.
        victims: the victims that probe the server during the window.
        stamped: whether each request carries its send time in the header `x-sent`.
        watch: process ids by role, whose CPU time is read at both ends of the window.
        loop_threads: the thread of each that runs its event loop, where it is not the first one.
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
    """One slice of a trial's time from the opening of the window. The last slices include the drain.

    Attributes:
        completed: the successes that ended in this slice and inside the window.
        failed: the failures that ended in this slice.
        latency: the latencies of the successes that ended in this slice and were due inside the window.
    """

    completed: int
    failed: int
    latency: Distribution


@dataclass(frozen=True, slots=True)
class ProcessUsage:
    """The usage of a process and its children within the window, as the system reports it. None: not available.

    The last three values sum over the first thread of each process, which in a server runs the event loop.

    Attributes:
        user_s: CPU time in user mode, in seconds.
        system_s: CPU time in the kernel, in seconds.
        rss_mib: resident memory at the end, in MiB.
        threads: number of threads at the end.
        run_delay_s: time spent ready in the run queue without a core, in seconds.
        switches: voluntary context switches.
        preemptions: involuntary context switches.
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
    """The result of one trial, by the client's clock.

    The latencies are those of the successes that were due inside the window, each followed to its end. In a closed loop
    a request is due when it is sent. Then `service` would equal `latency`, so `service` and `send_lag` are empty.

    Attributes:
        opened_ns: when the window opened, in `time.monotonic_ns()`.
        window_s: the length of the window in seconds.
        connected: how many users have connected at least once.
        completed: the successes that ended inside the window.
        latency: from the due time of a request to its answer.
        service: from the sending of a request to its answer.
        send_lag: from the due time of a request to its sending.
        failures: the requests that failed or were never answered, by cause.
        failed_latency: from the due time of a failed request to its end.
        dropped: the requests that were due inside the window and never sent.
        sent: all requests sent in the trial, warm-up and drain included, to compare with the server's own count.
        answered: all requests answered in the trial, warm-up and drain included.
        slices: the record by slices of `slice_s` seconds.
        lag: how late a timer of the load process fired.
        cpu_s: CPU time within the window by role, in seconds. Of several load processes, "load" is the busiest one.
        core_busy: the busy share of each core of the machine, 0 to 1.
        core_steal: the share of each core that a hypervisor took, 0 to 1.
        load_processes: how many load processes contributed to this result.
        lost: how many further load processes were lost, with all that they had sent.
        throttled: how often a CPU quota stopped the control groups of the load process.
        victims: the results of each victim.
        processes: the usage of each watched process by role.
        slice_s: the length of a slice in seconds.
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
        """Return the successes a second that ended inside the window: `completed / window_s`."""
        return self.completed / self.window_s

    @property
    def load_cpu(self) -> float:
        """Return the share of a core that the busiest load process used."""
        return self.cpu_s["load"] / self.window_s


def together(parts: Sequence[TrialResult]) -> TrialResult:
    """Return one result from those of several load processes in the same trial. Every count is the exact sum.

    Raises:
        ValueError: `parts` is empty.
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
        failures=added_counts(part.failures for part in parts),
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


@dataclass(frozen=True, slots=True)
class Ready:
    """The first line of the load process. `port` is where workers join; it is None where the process has no workers."""

    locust: str
    gevent: str
    version: str
    port: int | None = None


@dataclass(frozen=True, slots=True)
class Joined:
    """A line while the load process waits for workers: those present, how many it expects, and those it refused."""

    present: tuple[str, ...]
    expected: int
    refused: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        return len(self.present) >= self.expected
