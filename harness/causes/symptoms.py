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
from harness.causes.wait_profile import Limit, SiteTime, limits_of, site_times
from harness.record.run import RecordedTrial
from harness.record.telemetry import Accounts, Callee, Readings, Site, Totals, Waits
from scenarios.wire.protocol import TrialResult

NS: Final = 1e9
MANY: Final = 20


@dataclass(frozen=True, slots=True)
class Spending:
    """Where the mean request of a route spent its time, in seconds, by the parts that
    `bench_probe.accounts.Account` defines.

    `whole` lasts from the sending of the request to the end of its answer in the application, `back` from there to the
    client. `hops`, `leases`,
    `steps`, `pieces`, `calls` and `connects_anew` (new connections for calls) are counts a request, `piece_bytes` bytes
    a piece. `coroutine` is the share of the requests whose handler is a coroutine function, `overtaken` the share of
    the leases that overtook a request that had asked earlier.
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
    hop_computing: float = 0.0
    pieces: float = 0.0
    piece_bytes: float = 0.0
    coroutine: float = 0.0
    overtaken: float = 0.0
    back: float = 0.0
    calls: float = 0.0
    connects_anew: float = 0.0

    @property
    def inside(self) -> float:
        """How long the request was in the application."""
        return self.whole - self.pre


@dataclass(frozen=True, slots=True)
class Executor:
    """How the requests of a route use a pool of `size` threads, other than anyio's.

    `hops` is a count a request; `queued` and `served` are seconds of one request. `busy` is the share of the threads
    that work for this route.
    """

    pool: str
    size: int
    hops: float
    queued: float
    served: float
    busy: float


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

    `sites` says where the mean request stands, `standing` how many requests stand at each site, `limits` at which
    places they wait for what others hold. `executors` and `callees` are those of this route. `left_behind` is how many
    answered requests of it had work under way when the window opened and closed. `looking` is the share of a core that
    the profile itself used, `not_watched` what the instruments could not see, with the reason.
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
    sites: tuple[SiteTime, ...] = field(default=(), repr=False)
    standing: tuple[SiteTime, ...] = field(default=(), repr=False)
    limits: tuple[Limit, ...] = field(default=(), repr=False)
    executors: tuple[Executor, ...] = ()
    callees: tuple[Callee, ...] = ()
    left_behind: tuple[int, int] = (0, 0)
    looking: float = 0.0
    not_watched: tuple[str, ...] = ()
    gil: bool = True

    @property
    def left_a_second(self) -> float:
        """How many more requests a second leave work behind than end it."""
        return max(0.0, (self.left_behind[1] - self.left_behind[0]) / self.window_s)

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
    spending = _spending(accounts.routes.get(path)) if accounts is not None else None
    waits = accounts.waits if accounts is not None else None
    sites = site_times(waits, path, spending.inside) if waits is not None and spending is not None else ()
    return Symptoms(
        route=path,
        window_s=result.window_s,
        throughput_rps=result.throughput_rps,
        processes=len(columns),
        spending=spending,
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
        sites=sites,
        standing=_standing(waits, path) if waits is not None else (),
        limits=_limits(waits, path, sites, accounts) if waits is not None and accounts is not None else (),
        executors=_executors(accounts, path) if accounts is not None else (),
        callees=tuple(each for each in accounts.callees if each.route == path) if accounts is not None else (),
        left_behind=accounts.left_behind.get(path, (0, 0)) if accounts is not None else (0, 0),
        looking=waits.cost_s / waits.seconds if waits is not None and waits.seconds else 0.0,
        not_watched=tuple(f"{name}: {why}" for name, why in accounts.not_watched.items()) if accounts else (),
        gil=accounts.gil if accounts is not None else True,
    )


def _standing(waits: Waits, path: str) -> tuple[SiteTime, ...]:
    """Return how many requests of the route stand at each site on average."""
    present = sum(each.seconds for each in waits.sites if each.route == path) / waits.seconds if waits.seconds else 0.0
    return site_times(waits, path, present)


def _limits(waits: Waits, path: str, sites: Sequence[SiteTime], accounts: Accounts) -> tuple[Limit, ...]:
    account = accounts.routes.get(path)
    answered = account["requests"] / accounts.seconds if account else 0.0
    return limits_of(waits, sites or _standing(waits, path), path, answered)


def _executors(accounts: Accounts, path: str) -> tuple[Executor, ...]:
    account = accounts.routes.get(path)
    if account is None or not account["requests"]:
        return ()
    n = account["requests"]
    return tuple(
        Executor(
            pool=each.pool,
            size=each.size,
            hops=each.hops / n,
            queued=each.queued / n / NS,
            served=each.served / n / NS,
            busy=each.served / NS / accounts.seconds / max(1, each.size),
        )
        for each in accounts.pools
        if each.route == path
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
        return account.get(name, 0) / count / NS if count else 0.0

    def each(name: str, count: int = n) -> float:
        return account.get(name, 0) / count if count else 0.0

    # By Little's law, requests in flight count, too. Of a few requests the mean of those that ended is more exact.
    inside = mean("inside") + (mean("open") if n >= MANY else 0.0)
    pre = mean("pre", account["stamped"])
    return Spending(
        requests=n,
        whole=pre + inside,
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
        hop_computing=mean("hop_computing"),
        pieces=each("pieces"),
        piece_bytes=each("piece_bytes", account.get("pieces", 0)),
        coroutine=each("coroutines"),
        overtaken=each("overtaken", account["leases"]),
        back=mean("back", account.get("backed", 0)),
        calls=each("calls"),
        connects_anew=each("call_connects"),
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
                # A sampler may miss every one of many short steps; the handler is then the nearest that is known.
                site=next((place for place in sites if (place.file, place.line) == most), None)
                or next((each for each in accounts.handlers if each.route == route), None),
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
