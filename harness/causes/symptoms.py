"""The figures of a server in one trial: where a request spent its time, what held the loop, what was full.

They come from a profiled trial's telemetry and result. Times are in seconds; shares of a core or of the window are 0
to 1. Nothing is judged here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any, Final

from bench_probe.telemetry import BEAT_S
from harness.record.run import RecordedTrial
from harness.record.telemetry import Accounts, Readings, Site, Totals
from scenarios.wire.protocol import TrialResult

NS: Final = 1e9


@dataclass(frozen=True, slots=True)
class Spending:
    """Where the mean request of a route spent its time, in seconds, by the parts that
    `bench_probe.accounts.Account` defines.

    `whole` lasts from the sending of the request to the end of its answer in the application. `hops`, `leases` and
    `steps` are counts a request.
    """

    requests: int
    whole: float
    pre: float
    hops: float
    queued: float
    served: float
    returned: float
    leases: float
    lease_wait: float
    leased: float
    connecting: float
    call_wait: float
    calling: float
    steps: float
    stepping: float
    computing: float


@dataclass(frozen=True, slots=True)
class Holding:
    """How a route held the event loop, as shares of the window.

    `holds` is the total, and `waits` the part without computing (most likely in a blocking call). `long` is the part in
    steps of more than 10 ms, and `long_computes` is how much of that it computed. `site` is the line that most samples
    show. `certainty` is the share of the samples of a blocked loop that show this route's own lines.
    """

    route: str
    holds: float
    waits: float
    long: float
    long_computes: float
    site: Site | None
    certainty: float


@dataclass(frozen=True, slots=True)
class Symptoms:
    """Everything of one trial that a rule reads; None for what was not measured.

    `lag_s` is how long a random arrival waits for the loop, by Σb²/2T over its stalls b in time T. `stalls_s` holds the
    single stalls above 5 ms. `run_delay` is the share of the window that the loops spent in the run queue, `others_cpu`
    what the process's other threads computed. `tokens_full` and `pool_full` are shares of the readings. `idle_s` is the
    longest time without an answer.
    """

    route: str
    window_s: float
    throughput_rps: float
    processes: int
    spending: Spending | None
    holdings: tuple[Holding, ...]
    loop_cpu: float
    others_cpu: float
    run_delay: float | None
    steal: float
    lag_s: float
    stalls_s: tuple[float, ...] = field(repr=False)
    tokens: int
    borrowed: float
    tokens_full: float
    pool_size: int | None
    pool_full: float
    collecting: float
    database_cpu: float | None
    upstream_cpu: float | None
    idle_s: float

    @property
    def process_cpu(self) -> float:
        """What all threads of a server process computed, as a share of a core."""
        return self.loop_cpu + self.others_cpu

    @property
    def token_s(self) -> float | None:
        """How long a hop keeps its token, by Little's law: tokens borrowed over hops a second."""
        if self.spending is None or not self.spending.hops or not self.throughput_rps:
            return None
        return self.borrowed / (self.throughput_rps * self.spending.hops)


def symptoms_of(recorded: RecordedTrial, path: str) -> Symptoms | None:
    """Return the symptoms of a trial of the variant mounted at `path`; None without telemetry of its window."""
    telemetry, result = recorded.telemetry, recorded.result
    if telemetry is None:
        return None
    end_ns = int(result.window_s * NS)
    windows = [(process, process.within(0, end_ns)) for process in telemetry.processes]
    windows = [(process, window) for process, window in windows if len(window["t_ns"]) > 1]
    if not windows:
        return None
    columns = [window for _, window in windows]
    accounts, steal = telemetry.accounts, max(result.core_steal, default=0.0)
    server = result.processes.get("server")
    run_delay = None
    if server is not None and server.run_delay_s is not None:
        run_delay = server.run_delay_s / result.window_s / len(columns)
    loop_cpu = fmean(_rate(window, "loop_cpu_ns") for window in columns)
    stalls = tuple(stall for process, _ in windows for stall in stalls_of(process, end_ns))
    return Symptoms(
        route=path,
        window_s=result.window_s,
        throughput_rps=result.throughput_rps,
        processes=len(columns),
        spending=_spending(accounts.routes.get(path)) if accounts is not None else None,
        holdings=_holdings(accounts, (run_delay or 0.0) + steal) if accounts is not None else (),
        loop_cpu=loop_cpu,
        others_cpu=max(0.0, fmean(_rate(window, "process_cpu_ns") for window in columns) - loop_cpu),
        run_delay=run_delay,
        steal=steal,
        lag_s=fmean(lag_s(window) for window in columns),
        stalls_s=stalls,
        tokens=sum(window["tokens"][-1] for window in columns),
        borrowed=sum(fmean(window["borrowed"]) for window in columns),
        tokens_full=fmean(
            fmean(
                borrowed >= tokens and waiting > 0
                for borrowed, tokens, waiting in zip(
                    window["borrowed"], window["tokens"], window["waiting"], strict=True
                )
            )
            for window in columns
        ),
        pool_size=columns[0]["pool_size"][-1],
        pool_full=fmean(
            fmean(
                size is not None and out >= size
                for size, out in zip(window["pool_size"], window["pool_in_use"], strict=True)
            )
            for window in columns
        ),
        collecting=fmean(_rate(window, "collecting_ns") for window in columns),
        database_cpu=_cpu(result, "database"),
        upstream_cpu=_cpu(result, "upstream"),
        idle_s=_idle_s(result),
    )


def lag_s(window: Mapping[str, Sequence[Any]]) -> float:
    """Return how long a random arrival waits for the loop, in seconds: Σb²/2T, with a stall that still lasts."""
    seconds = _seconds(window)
    squares = sum(window["late_sq_us2"][1:]) + window["overdue_us"][-1] ** 2
    return float(squares / 1e12 / 2 / seconds)


def stalls_of(process: Readings, end_ns: int) -> tuple[float, ...]:
    """Return each stall of the loop in the window, in seconds.

    A heartbeat is due half a period after the stall began, on average. It is late by the rest of the stall.
    """
    window = process.within(0, end_ns)
    single = [late / 1e6 + BEAT_S / 2 for lates in window["stalls_us"] for late in lates]
    overdue_s = window["overdue_us"][-1] / 1e6 if window["overdue_us"] else 0.0
    return (*single, overdue_s) if overdue_s > BEAT_S else tuple(single)


def waiting_share(stalls_s: Sequence[float], seconds: float, longer_than_s: float) -> float:
    """Return the share of random arrivals that wait longer than this for the loop: Σ max(0, b − w)/T."""
    waited_s: float = sum(max(0.0, stall - longer_than_s) for stall in stalls_s)
    return waited_s / seconds


def _seconds(window: Mapping[str, Sequence[Any]]) -> float:
    return float(max(1, window["t_ns"][-1] - window["t_ns"][0]) / NS)


def _rate(window: Mapping[str, Sequence[Any]], column: str) -> float:
    """Return the growth of a total, in nanoseconds, as a share of the time."""
    return float((window[column][-1] - window[column][0]) / NS / _seconds(window))


def _spending(account: Totals | None) -> Spending | None:
    if account is None or not account["requests"]:
        return None
    n = account["requests"]

    def mean(name: str, count: int = n) -> float:
        return account[name] / count / NS if count else 0.0

    pre = mean("pre", account["stamped"])
    return Spending(
        requests=n,
        whole=pre + mean("inside"),
        pre=pre,
        hops=account["hops"] / n,
        queued=mean("queued"),
        served=mean("served"),
        returned=mean("returned"),
        leases=account["leases"] / n,
        lease_wait=mean("lease_wait"),
        leased=mean("leased"),
        connecting=mean("connecting"),
        call_wait=mean("call_wait"),
        calling=mean("calling"),
        steps=account["steps"] / n,
        stepping=mean("stepping"),
        computing=mean("computing"),
    )


def _holdings(accounts: Accounts, withheld: float) -> tuple[Holding, ...]:
    """Return every route that held the loop, the longest first.

    A route waits in the time in which it neither computes nor is kept from the CPU by other programs or a hypervisor.
    """
    found = []
    for route, account in accounts.routes.items():
        holds = account["stepping"] / NS / accounts.seconds
        if not route or not holds:
            continue
        sites = [place for place in accounts.sites if place.route == route]
        by_line: dict[tuple[str, int], int] = {}
        for place in sites:
            by_line[place.file, place.line] = by_line.get((place.file, place.line), 0) + place.samples
        most = max(by_line, key=by_line.__getitem__, default=None)
        found.append(
            Holding(
                route=route,
                holds=holds,
                waits=max(0.0, holds - account["computing"] / NS / accounts.seconds - withheld * holds),
                long=account["long_stepping"] / NS / accounts.seconds,
                long_computes=account["long_computing"] / NS / accounts.seconds,
                site=next((place for place in sites if (place.file, place.line) == most), None),
                certainty=sum(place.samples for place in sites) / accounts.busy if accounts.busy else 0.0,
            )
        )
    return tuple(sorted(found, key=lambda holding: -holding.holds))


def _cpu(result: TrialResult, role: str) -> float | None:
    return result.cpu_s[role] / result.window_s if role in result.cpu_s else None


def _idle_s(result: TrialResult) -> float:
    """Return the longest run of slices of the window without an answer, in seconds."""
    longest = running = 0
    for slice_ in result.slices[: round(result.window_s / result.slice_s)]:
        running = 0 if slice_.completed else running + 1
        longest = max(longest, running)
    return longest * result.slice_s
