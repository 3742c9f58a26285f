"""What a reader must know before believing a cell. An invalidating warning takes the verdict away; none is dropped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from harness.judge.cells import ERROR_LIMIT, HALVES_DIFFER, LITTLE_TOLERANCE, Cell
from harness.judge.comparisons import Comparison
from harness.machine.core import FULL_CORE
from harness.plan.metric import mass_needed
from harness.record.calibration import Calibration
from harness.record.disturbance import AVOIDABLE, Signal, SignalName
from harness.record.run import Run, Verification
from scenarios.wire.protocol import TIMEOUT, UNANSWERED

CLIENT_WARN: Final = 0.80
CEILING_SHARE: Final = 0.90
LAG_MEAN_SHARE: Final = 0.05
# The event loop sleeps in whole milliseconds, so a sleeper wakes up to one late with nobody to blame.
TIMER_US: Final = 1_000
LAG_LIMIT_US: Final = 5_000
LAG_SHARE: Final = 0.10
BOUND_TOLERANCE: Final = 0.05
UNSTEADY_LIMIT: Final = 0.2
AUTOCORRELATION_WARN: Final = 0.3
FAR_WARN: Final = 5.0
RESOLUTION_WARN: Final = 0.025
RESOLUTION_LIMIT: Final = 0.5
STUCK_LIMIT: Final = 0.01


@dataclass(frozen=True, slots=True)
class CellWarning:
    """One sentence with its advice; `invalidates` takes every verdict on the cell away."""

    sentence: str
    invalidates: bool = False


def warnings_of(cell: Cell, run: Run) -> tuple[CellWarning, ...]:
    """Every warning on a cell, the invalidating ones first."""
    found = [
        *_unverified(cell, run.manifest.verifications),
        *_errors(cell),
        *_client(cell),
        *_ceiling(cell, run.manifest.calibration, run.manifest.plan.load_processes),
        *_disturbed(cell),
        *_impossible(cell),
        *_thin(cell),
        *_unsteady(cell),
        *_left_out(cell),
        *_short_handed(cell),
        *_delayed_answers(cell),
    ]
    if run.manifest.target:
        found.append(
            CellWarning(
                f"The server at {', '.join(run.manifest.target)} was not started by this run: there is no telemetry of "
                "it, so what held it back, and what else ran on its machine, is unknown."
            )
        )
    if run.manifest.placement.shared:
        found.append(CellWarning("Server and load shared one core, so each took time from the other: use two cores."))
    return tuple(sorted(found, key=lambda warning: not warning.invalidates))


def warnings_on(comparison: Comparison) -> tuple[CellWarning, ...]:
    """Every warning on how the blocks of a comparison are distributed, which its interval takes to be independent."""
    found = []
    follow, far = comparison.primary.autocorrelation, comparison.primary.farthest
    if follow is not None and follow > AUTOCORRELATION_WARN:
        found.append(
            CellWarning(
                f"Its blocks follow each other (lag-1 autocorrelation {follow:.2f}): they say less than their number, "
                "and the interval is too narrow. Measure it again, and longer."
            )
        )
    if far is not None and far > FAR_WARN:
        found.append(
            CellWarning(
                f"One block lies {far:.0f} robust standard deviations from the others: the tails are heavy, and the "
                "interval is only roughly a 95 % one. More --blocks would tell."
            )
        )
    return tuple(found)


def _unverified(cell: Cell, verifications: tuple[Verification, ...]) -> list[CellWarning]:
    for verification in verifications:
        if (verification.workload, verification.variant) == (cell.workload.name, cell.variant.name):
            return [
                *(CellWarning(_unfair(cell, problem), invalidates=True) for problem in verification.problems),
                *(
                    CellWarning(f"{remark}: a difference in speed may be one in work.")
                    for remark in verification.remarks
                ),
            ]
    return [CellWarning("This variant was not verified against its twins.", invalidates=True)]


def _unfair(cell: Cell, problem: str) -> str:
    if cell.variant.kind is None:  # an address of which nobody said what it does
        return f"Not as expected: {problem}."
    return f"Not a fair twin: {problem}. Make the variants do the same."


def _errors(cell: Cell) -> list[CellWarning]:
    found = []
    stuck = sum(cell.failures.get(cause, 0) for cause in (UNANSWERED, TIMEOUT))
    if cell.connected < cell.level.users:
        found.append(
            CellWarning(
                f"Only {cell.connected} of {cell.level.users} users could connect: the load was not the one named.",
                invalidates=True,
            )
        )
    if not cell.requests:
        found.append(
            CellWarning(
                "No request was answered within the window: it is too short for this variant. Give more --seconds.",
                invalidates=True,
            )
        )
    elif cell.level.rate_rps is None and stuck > STUCK_LIMIT * cell.level.users * len(cell.trials):
        found.append(
            CellWarning(
                f"{stuck} requests were never answered, each the only one of its user, of {cell.level.users} in each "
                "trial: throughput is that of the others.",
                invalidates=True,
            )
        )
    elif cell.error_rate > ERROR_LIMIT:
        causes = ", ".join(f"{cause}: {count}" for cause, count in sorted(cell.failures.items()))
        found.append(
            CellWarning(
                f"{cell.error_rate:.1%} of the requests failed ({causes or 'nothing was answered'}): "
                "a server that refuses work is fast, so there is no verdict on its speed.",
                invalidates=True,
            )
        )
    elif cell.errors:
        found.append(CellWarning(f"{cell.errors} of {cell.requests} requests failed; they count for no figure here."))
    if cell.victim_failures:
        found.append(CellWarning(f"{cell.victim_failures} bystander probes got no good answer."))
    return found


def _client(cell: Cell) -> list[CellWarning]:
    """The load generator must not be the bottleneck in silence."""
    found = []
    if cell.client_cpu >= FULL_CORE:
        found.append(
            CellWarning(
                f"The load process used {cell.client_cpu:.0%} of its core: it measured itself. Use fewer users, or "
                "more --load-processes with a core each.",
                invalidates=True,
            )
        )
    elif cell.client_cpu >= CLIENT_WARN:
        found.append(
            CellWarning(f"The load process used {cell.client_cpu:.0%} of its core: ratios may be understated.")
        )
    if cell.load_core_busy is not None and cell.load_core_busy >= FULL_CORE > cell.client_cpu:
        found.append(
            CellWarning(
                f"The core of the load was {cell.load_core_busy:.0%} busy, with "
                f"{'the services' if cell.variant.origin is None else 'whatever else is there'} that share it: "
                "they and not only the server may set the pace. More cores would tell."
            )
        )
    return [*found, *_lag(cell)]


def _ceiling(cell: Cell, calibration: Calibration | None, load_processes: int) -> list[CellWarning]:
    """Near what the client can do against a server that does nothing, it is the client that is measured."""
    if calibration is None or cell.throughput_rps is None or calibration.server_was_the_limit:
        return []
    ceiling_rps = calibration.client_ceiling_rps * load_processes
    share = cell.throughput_rps.value / ceiling_rps
    if share < CEILING_SHARE:
        return []
    return [
        CellWarning(
            f"The throughput is {share:.0%} of what the client can do at all "
            f"({ceiling_rps:,.0f} req/s): the server may do more, and a ratio is a lower bound."
        )
    ]


def _lag(cell: Cell) -> list[CellWarning]:
    """A client that wakes late adds its delay to each latency, and in a closed loop holds back the next request.

    So its mean, against the mean latency, is what throughput may be understated by; its tail goes into the tail.
    """
    mean_us, p50_us = cell.latency.mean_us, cell.latency.percentile_us(50)
    lag_us, lag_p99_us = cell.client_lag.mean_us, cell.client_lag.percentile_us(99)
    if mean_us is None or p50_us is None or lag_us is None or lag_p99_us is None:
        return []
    if lag_us > max(TIMER_US, LAG_MEAN_SHARE * mean_us):
        return [
            CellWarning(
                f"The load process itself woke {lag_us / 1000:.1f} ms late on average, of {mean_us / 1000:.1f} ms mean "
                "latency: it held the server back. Free its core of other work.",
                invalidates=True,
            )
        ]
    if lag_p99_us > max(LAG_LIMIT_US, LAG_SHARE * p50_us):
        return [
            CellWarning(
                f"The load process woke up to {lag_p99_us / 1000:.0f} ms late (p99), and that is inside the latencies: "
                "others were busy on its core. Throughput is hardly touched."
            )
        ]
    return []


def _disturbed(cell: Cell) -> list[CellWarning]:
    """What others on this machine did to the trials that count.

    The worst blocks are rejected already: what is left beyond a limit was there too often to choose among the blocks.
    What a hypervisor does is said once for the run; its chance goes into the intervals, and nobody here can stop it.
    """
    found = []
    for signal in cell.disturbances:
        if signal.name not in AVOIDABLE:
            continue
        if signal.severity > 1:
            found.append(
                CellWarning(f"{_blamed(signal)} in a trial that counts. {REMEDIES[signal.name]}", invalidates=True)
            )
        elif signal.warns:
            found.append(CellWarning(f"{_blamed(signal)}: figures are a little low."))
    return found


REMEDIES: Final[dict[SignalName, str]] = {
    "foreign CPU": "Stop what else runs on this machine.",
    "throttling": "Lift the CPU quota of this container or service.",
}


def _blamed(signal: Signal) -> str:
    if signal.name == "throttling":
        return f"A CPU quota stopped the processes {signal.value:.0f} times"
    return f"Up to {signal.value:.0%} of the server's core went to others than the server"


def _impossible(cell: Cell) -> list[CellWarning]:
    found = []
    if cell.bound_share is not None and cell.bound_share > 1 + BOUND_TOLERANCE:
        found.append(
            CellWarning(
                f"The throughput is {cell.bound_share:.0%} of what its declared wait allows: "
                "the handler does not wait as declared, or the count is wrong.",
                invalidates=True,
            )
        )
    users, rate_rps = cell.level.users, cell.level.rate_rps
    if rate_rps is not None and cell.latency_is_lower_bound:
        served = cell.throughput_rps.value if cell.throughput_rps else 0.0
        dropped = f", {cell.dropped} requests were dropped unsent" if cell.dropped else ""
        found.append(
            CellWarning(
                f"Of {rate_rps:g} requests offered a second {served:,.0f} were answered{dropped}: the rate is beyond "
                "what this variant can carry, and its latencies grow with the window (≥)."
            )
        )
    elif cell.latency_is_lower_bound:
        found.append(
            CellWarning(
                f"Throughput × mean latency accounts for {cell.explained_users or 0:.0f} of {users} users (Little's "
                "law): the others waited longer than the window, so the latencies are lower bounds (≥). Give more "
                "--seconds."
            )
        )
    elif cell.explained_users is not None and cell.explained_users > (1 + LITTLE_TOLERANCE) * users:
        found.append(
            CellWarning(
                f"Throughput × mean latency accounts for {cell.explained_users:.0f} users where {users} were sent "
                "(Little's law): the load was not steady within the windows. Give more --seconds."
            )
        )
    return found


def _left_out(cell: Cell) -> list[CellWarning]:
    """A trial that lost a load process on the way has lost what that one counted."""
    if not cell.left_out:
        return []
    trials = "1 trial" if cell.left_out == 1 else f"{cell.left_out} trials"
    if cell.incomplete:
        return [CellWarning(f"A load process was lost in {trials}, and there is no other one.", invalidates=True)]
    return [
        CellWarning(f"A load process was lost in {trials}, which count{'s' if cell.left_out == 1 else ''} for nothing.")
    ]


def _short_handed(cell: Cell) -> list[CellWarning]:
    """After a loss, trials may run with fewer load processes until another one takes its place."""
    if not cell.short_handed:
        return []
    return [
        CellWarning(f"{cell.short_handed} of {len(cell.trials)} trials ran with fewer load processes than planned.")
    ]


def _delayed_answers(cell: Cell) -> list[CellWarning]:
    """Several workers share a socket that uvicorn binds itself, and asyncio does not set TCP_NODELAY on it.

    An answer in two pieces then waits for the client's acknowledgement, up to 40 ms, while nobody is busy
    (https://github.com/Kludex/uvicorn/issues/3149). uvloop sets the option on every connection.
    """
    knobs = cell.level.knobs
    if cell.variant.origin is not None or knobs.workers == 1 or knobs.loop != "asyncio":
        return []
    return [
        CellWarning(
            "uvicorn does not set TCP_NODELAY where several workers run on asyncio's loop (its issue 3149): an answer "
            "may wait up to 40 ms in the kernel while nobody is busy. Use --loop uvloop to measure the handlers."
        )
    ]


def _thin(cell: Cell) -> list[CellWarning]:
    found = []
    if len(cell.trials) == 1:
        found.append(CellWarning("One trial has no interval: use --blocks 5 or more."))
    empty = sum(trial.throughput_rps == 0 for trial in cell.trials)
    if cell.requests and cell.error_rate <= ERROR_LIMIT and (empty or cell.resolution > RESOLUTION_LIMIT):
        seen = (
            f"{empty} of {len(cell.trials)} trials saw no success in it"
            if empty
            else "a user finishes about one request in it, so that no rate follows"
        )
        found.append(
            CellWarning(
                f"The window is shorter than this variant needs: {seen}. Give more --seconds.",
                invalidates=True,
            )
        )
    elif cell.resolution > RESOLUTION_WARN:
        found.append(
            CellWarning(
                f"A user finishes few requests in a window, so that throughput is only known to about "
                f"±{cell.resolution:.0%}; intervals are widened to that. Give more --seconds."
            )
        )
    if 0 < cell.latency.n < mass_needed(99):
        found.append(
            CellWarning(f"{cell.latency.n} requests are too few for a p99 ({mass_needed(99):,}). Give more --seconds.")
        )
    return found


def _unsteady(cell: Cell) -> list[CellWarning]:
    if cell.unsteady is None or cell.unsteady <= UNSTEADY_LIMIT:
        return []
    return [
        CellWarning(
            f"Not steady: in {cell.unsteady:.0%} of the trials the halves of the window differ by more than "
            f"{HALVES_DIFFER:.0%}. Give more --warmup and --seconds, or a quieter machine."
        )
    ]
