"""The load engine beside its peers and beside the truth, on pinned servers: `make bench-load`. Asserts nothing.

wrk and hey come from the system's packages (Debian: `apt-get install wrk hey`); the project does not need them to run.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil
from rich.console import Console
from rich.table import Table

from bench_app.discovery import discover
from harness.machine.placement import Placement, place, usable_cores
from harness.measure.child import Child
from harness.measure.load import Load, open_load
from harness.measure.server import serve
from harness.measure.services import open_services
from harness.plan.address import HOST
from harness.plan.planning import make_plan
from scenarios.wire.protocol import ClosedLoop, RequestSpec, TrialOrder, TrialResult
from tests.benchmarks.fidelity import fidelity

ENDPOINTS: Final = ("root/async", "root/sync", "sleep/async", "sleep/sync", "database/async", "database/sync")
ROUNDS: Final = 5
USERS: Final = 64
WINDOW_S: Final = 3
CONNECTIONS: Final = (64, 1_000, 5_000, 10_000)
MANY: Final = 10_000_000
TABLES: Final = ("peers", "connections", "memory", "fidelity", "endpoints")


@dataclass(frozen=True, slots=True)
class Outcome:
    """Requests a second, and the client's CPU time a request in µs."""

    rps: float
    cpu_us: float


Client = Callable[[str], Outcome]


def engine(load: Load) -> Client:
    """This project's load process, with all its recording on."""

    def run(url: str) -> Outcome:
        result = load.run(order(url, USERS), lambda: None)
        return Outcome(result.completed / WINDOW_S, cost_us(result))

    return run


def command(placement: Placement, words: list[str], pattern: str) -> Client:
    """A peer's command on the load's core; `pattern` finds its requests a second."""

    def run(url: str) -> Outcome:
        before = os.times()
        said = _pinned(placement, [*words, url])
        after = os.times()
        found = re.search(pattern, said)
        assert found is not None, said
        rps = float(found[1])
        cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
        return Outcome(rps, cpu_s / (rps * WINDOW_S) * 1e6)

    return run


def fast_http_user(placement: Placement) -> Client:
    """Locust's FastHttpUser, its start-up and ramp left out of the rate and in the CPU time."""

    def run(url: str) -> Outcome:
        words = [
            sys.executable,
            "-m",
            "locust",
            "-f",
            "tests/benchmarks/fasthttp_locustfile.py",
            "--headless",
            "--json",
        ]
        words += ["-u", str(USERS), "-r", str(USERS), "-t", f"{WINDOW_S + 1}s", "--host", url.rstrip("/")]
        before = os.times()
        (entry,) = json.loads(_pinned(placement, words))
        after = os.times()
        rps = entry["num_requests"] / (entry["last_request_timestamp"] - entry["start_time"])
        cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
        return Outcome(rps, cpu_s / entry["num_requests"] * 1e6)

    return run


def _pinned(placement: Placement, words: list[str]) -> str:
    pinned = ["taskset", "-c", str(placement.load[0]), *words]
    return subprocess.run(pinned, check=True, capture_output=True, text=True).stdout


def compare(title: str, urls: dict[str, str], clients: dict[str, Client]) -> Table:
    """Run the clients in turn, `ROUNDS` times over each address; medians, and the median ratio of each to the first."""
    table = Table(box=None, title=title, title_justify="left", title_style="bold")
    table.add_column("target", no_wrap=True)
    table.add_column("client", no_wrap=True)
    for heading in ("req/s", "CPU µs/req", "engine / it", "lowest", "highest"):
        table.add_column(heading, justify="right")
    for target, url in urls.items():
        outcomes: dict[str, list[Outcome]] = {name: [] for name in clients}
        for number in range(ROUNDS):
            for name in list(clients) if number % 2 else reversed(clients):
                outcomes[name].append(clients[name](url))
        first = next(iter(outcomes.values()))
        for name, seen in outcomes.items():
            ratios = [mine.rps / other.rps for mine, other in zip(first, seen, strict=True)]
            spread = (statistics.median(ratios), min(ratios), max(ratios))
            table.add_row(
                target if seen is first else "",
                name,
                f"{statistics.median(outcome.rps for outcome in seen):,.0f}",
                f"{statistics.median(outcome.cpu_us for outcome in seen):.1f}",
                *([""] * 3 if seen is first else [f"{value:.2f}" for value in spread]),
            )
    return table


def connections(load: Load, url: str) -> Table:
    """What a request costs the load process with so many connections, against the same with 64."""
    table = Table(box=None, title="Connections in one load process", title_justify="left", title_style="bold")
    for heading in ("connections", "connected", "req/s", "CPU µs/req", "cost against 64", "failures"):
        table.add_column(heading, justify="right")
    seen: dict[int, list[TrialResult]] = {users: [] for users in CONNECTIONS}
    for number in range(ROUNDS):
        for users in CONNECTIONS if number % 2 else CONNECTIONS[::-1]:
            seen[users].append(load.run(order(url, users, warmup_s=1.5), lambda: None))
    costs = {users: statistics.median(cost_us(result) for result in results) for users, results in seen.items()}
    for users, results in seen.items():
        table.add_row(
            f"{users:,}",
            f"{min(result.connected for result in results):,}",
            f"{statistics.median(result.completed / WINDOW_S for result in results):,.0f}",
            f"{costs[users]:.1f}",
            f"{costs[users] / costs[CONNECTIONS[0]]:.2f}×",
            str(sum(sum(result.failures.values()) for result in results)),
        )
    return table


def memory(load: Load, url: str) -> str:
    """How much the load process grows in a trial of about ten million requests."""
    ceiling_rps = load.run(order(url, USERS), lambda: None).completed / WINDOW_S
    process = psutil.Process(load.pid)
    before = process.memory_info().rss
    highest = before

    def look() -> None:
        nonlocal highest
        highest = max(highest, process.memory_info().rss)

    result = load.run(order(url, USERS, window_s=MANY / ceiling_rps), look)
    return f"{result.answered:,} requests in one trial: the load process grew by {(highest - before) / 1e6:.1f} MB"


def order(url: str, users: int, *, warmup_s: float = 0.5, window_s: float = WINDOW_S) -> TrialOrder:
    """A closed loop of so many users on the address."""
    port, _, path = url.removeprefix(f"http://{HOST}:").partition("/")
    return TrialOrder(
        name="engine",
        host=HOST,
        port=int(port),
        requests=(RequestSpec(f"/{path}"),),
        load=ClosedLoop(users),
        warmup_s=warmup_s,
        window_s=window_s,
        drain_s=10,
        timeout_s=30,
    )


def cost_us(result: TrialResult) -> float:
    """The load process's CPU time a request."""
    return result.cpu_s["load"] / max(result.completed, 1) * 1e6


def main() -> None:
    """Print the tables that are named on the command line, or all of them."""
    wanted = sys.argv[1:] or list(TABLES)
    if unknown := set(wanted) - set(TABLES):
        sys.exit(f"There is no table {', '.join(sorted(unknown))}: choose from {', '.join(TABLES)}.")
    if {"peers", "endpoints"} & set(wanted) and (
        missing := [name for name in ("wrk", "hey") if shutil.which(name) is None]
    ):
        sys.exit(f"{' and '.join(missing)} not installed: on Debian, `apt-get install wrk hey`.")
    placement, logs = place(usable_cores()), Path(tempfile.mkdtemp(prefix="bench-load-"))
    os.sched_setaffinity(0, placement.load)
    wrk = command(
        placement, ["wrk", "-t1", f"-c{USERS}", f"-d{WINDOW_S}", "--timeout", "10s"], r"Requests/sec:\s+([\d.]+)"
    )
    hey = command(placement, ["hey", "-c", str(USERS), "-z", f"{WINDOW_S}s"], r"Requests/sec:\s+([\d.]+)")
    console = Console(width=110)
    with open_load(cores=placement.load, logs=logs) as load:
        nothing = [sys.executable, "-m", "bench_app.null_server"]
        with Child("nothing", nothing, cores=placement.server, log=logs / "nothing.log", piped=True) as child:
            url = f"http://{HOST}:{int(child.output.readline())}/"
            if "peers" in wanted:
                clients = {"engine": engine(load), "wrk": wrk, "hey": hey, "FastHttpUser": fast_http_user(placement)}
                console.print(compare("A server that does nothing", {"nothing": url}, clients))
            if "connections" in wanted:
                console.print(connections(load, url))
            if "memory" in wanted:
                console.print(memory(load, url))
        if "fidelity" in wanted:
            console.print(fidelity(load, placement, logs))
        if "endpoints" in wanted:
            with (
                open_services(make_plan(discover()), None, placement, logs) as services,
                serve(services, cores=placement.server, logs=logs) as server,
            ):
                urls = {endpoint: f"{server.url}/{endpoint}" for endpoint in ENDPOINTS}
                console.print(compare("This project's endpoints", urls, {"engine": engine(load), "wrk": wrk}))
    shutil.rmtree(logs)


if __name__ == "__main__":
    main()
