"""The warnings on cells and comparisons. A guard is a warning that takes the verdict away. No warning is dropped."""

from __future__ import annotations

import math
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
# The event loop sleeps in whole milliseconds, so a timer may be up to one late without any disturbance.
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
LEFT_BEHIND_LIMIT: Final = 0.05


@dataclass(frozen=True, slots=True)
class CellWarning:
    """A warning with its advice. One that `invalidates` is a guard: it takes away every verdict on the cell."""

    sentence: str
    invalidates: bool = False


def warnings_of(cell: Cell, run: Run) -> tuple[CellWarning, ...]:
    """Return every warning on a cell, the invalidating ones first."""
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
        *_not_sustainable(cell),
    ]
    if run.manifest.target:
        found.append(
            CellWarning(
                f"This run did not start the server at {', '.join(run.manifest.target)} and has no telemetry of it: "
                "what limited the server, and what else ran on its machine, is unknown."
            )
        )
    if run.manifest.placement.shared:
        found.append(
            CellWarning(
                "The server and the load generator shared one core and slowed each other. Use a machine with two "
                "cores or more."
            )
        )
    return tuple(sorted(found, key=lambda warning: not warning.invalidates))


def warnings_on(comparison: Comparison) -> tuple[CellWarning, ...]:
    """Return every warning on the blocks of a comparison; its interval assumes that they are independent."""
    found = []
    follow, far = comparison.primary.autocorrelation, comparison.primary.farthest
    if follow is not None and follow > AUTOCORRELATION_WARN:
        by_chance = 1 / math.sqrt(max(1, comparison.blocks))
        found.append(
            CellWarning(
                f"The blocks of this comparison may follow each other (lag-1 autocorrelation {follow:.2f}; with "
                f"{comparison.blocks} blocks chance alone gives about ±{by_chance:.1f}). "
                "If they do, the interval is too narrow. Measure again with more --blocks."
            )
        )
    if far is not None and far > FAR_WARN:
        found.append(
            CellWarning(
                f"One block lies {far:.0f} robust standard deviations from the median. With few blocks that happens by "
                "chance; otherwise the interval is only roughly a 95 % one. Measure again with more --blocks."
            )
        )
    return tuple(found)


def _not_sustainable(cell: Cell) -> list[CellWarning]:
    served = cell.throughput_rps.value if cell.throughput_rps else 0.0
    if cell.left_behind < LEFT_BEHIND_LIMIT * served or not served:
        return []
    return [
        CellWarning(
            f"Not sustainable: of {served:,.0f} requests answered a second, {cell.left_behind:,.0f} left work that was "
            "not done in the same time, such as background tasks. About "
            f"{max(0.0, served - cell.left_behind):,.0f} a second could go on. Offer no more than that with --rate.",
            invalidates=True,
        )
    ]


def _unverified(cell: Cell, verifications: tuple[Verification, ...]) -> list[CellWarning]:
    for verification in verifications:
        if (verification.workload, verification.variant) == (cell.workload.name, cell.variant.name):
            return [
                *(CellWarning(_unfair(cell, problem), invalidates=True) for problem in verification.problems),
                *(
                    CellWarning(f"{remark}: they may do different work, which would explain a difference in speed.")
                    for remark in verification.remarks
                ),
            ]
    return [
        CellWarning(
            "This variant was not checked against the others of its workload, so that they may do different work. "
            "Measure it again.",
            invalidates=True,
        )
    ]


def _unfair(cell: Cell, problem: str) -> str:
    if cell.variant.kind is None:  # an address: nothing declares what it does
        return f"The target does not answer as expected: {problem}. Check the address and its server."
    return f"Not equivalent to its pair: {problem}. Make the variants do the same work."


def _errors(cell: Cell) -> list[CellWarning]:
    found = []
    stuck = sum(cell.failures.get(cause, 0) for cause in (UNANSWERED, TIMEOUT))
    if cell.connected < cell.level.users:
        found.append(
            CellWarning(
                f"Only {cell.connected} of {cell.level.users} users could connect: the load was lower than planned. "
                "Use fewer --users, or raise the server's limit of connections.",
                invalidates=True,
            )
        )
    if not cell.requests:
        found.append(
            CellWarning(
                "No request was answered within the window: the window is too short for this variant. Give more "
                "--seconds.",
                invalidates=True,
            )
        )
    elif cell.level.rate_rps is None and stuck > STUCK_LIMIT * cell.level.users * len(cell.trials):
        found.append(
            CellWarning(
                f"{stuck} requests were never answered, and each kept its user waiting: the throughput comes from "
                f"fewer than the {cell.level.users} users of a trial. Look for requests that hang in the server.",
                invalidates=True,
            )
        )
    elif cell.error_rate > ERROR_LIMIT:
        causes = ", ".join(f"{cause}: {count}" for cause, count in sorted(cell.failures.items()))
        found.append(
            CellWarning(
                f"{cell.error_rate:.1%} of the requests failed ({causes or 'nothing was answered'}): "
                "a server that refuses work is fast, so there is no verdict on its speed. Remove the failures first.",
                invalidates=True,
            )
        )
    elif cell.errors:
        found.append(CellWarning(f"{cell.errors} of {cell.requests} requests failed; no figure here includes them."))
    if cell.victim_failures:
        found.append(
            CellWarning(f"{cell.victim_failures} bystander probes failed: other requests to this server may fail, too.")
        )
    return found


def _client(cell: Cell) -> list[CellWarning]:
    """Warn where the load generator may be the bottleneck."""
    found = []
    if cell.client_cpu >= FULL_CORE:
        found.append(
            CellWarning(
                f"The load generator used {cell.client_cpu:.0%} of its core and limited the throughput. Use fewer "
                "--users, or more --load-processes with a core each.",
                invalidates=True,
            )
        )
    elif cell.client_cpu >= CLIENT_WARN:
        found.append(
            CellWarning(
                f"The load generator used {cell.client_cpu:.0%} of its core: ratios may be understated. Use more "
                "--load-processes with a core each."
            )
        )
    if cell.load_core_busy is not None and cell.load_core_busy >= FULL_CORE > cell.client_cpu:
        found.append(
            CellWarning(
                f"The load generator's core was {cell.load_core_busy:.0%} busy, and "
                f"{'the services' if cell.variant.origin is None else 'other programs'} share it: they may limit the "
                "throughput instead of the server. Use a machine with more cores."
            )
        )
    return [*found, *_lag(cell)]


def _ceiling(cell: Cell, calibration: Calibration | None, load_processes: int) -> list[CellWarning]:
    """Warn where the throughput is close to what the load generator reaches against the null server."""
    if calibration is None or cell.throughput_rps is None or calibration.server_was_the_limit:
        return []
    ceiling_rps = calibration.client_ceiling_rps * load_processes
    share = cell.throughput_rps.value / ceiling_rps
    if share < CEILING_SHARE:
        return []
    return [
        CellWarning(
            f"The throughput is {share:.0%} of the load generator's own limit ({ceiling_rps:,.0f} req/s): the server "
            "may do more, and a ratio is a lower bound. Use more --load-processes with a core each."
        )
    ]


def _lag(cell: Cell) -> list[CellWarning]:
    """Warn where the load generator ran late: this adds to each latency and delays a user's next request.

    The mean delay over the mean latency is how much the throughput may be understated. The tail of the delay adds to
    the tail of the latency.
    """
    mean_us, p50_us = cell.latency.mean_us, cell.latency.percentile_us(50)
    lag_us, lag_p99_us = cell.client_lag.mean_us, cell.client_lag.percentile_us(99)
    if mean_us is None or p50_us is None or lag_us is None or lag_p99_us is None:
        return []
    if lag_us > max(TIMER_US, LAG_MEAN_SHARE * mean_us):
        return [
            CellWarning(
                f"The load generator ran {lag_us / 1000:.1f} ms late on average (mean latency {mean_us / 1000:.1f} "
                f"ms), so the throughput may be more than {LAG_MEAN_SHARE:.0%} too low. Stop other work on its core, "
                "or use a machine with more cores.",
                invalidates=True,
            )
        ]
    if lag_p99_us > max(LAG_LIMIT_US, LAG_SHARE * p50_us):
        return [
            CellWarning(
                f"The load generator ran {lag_p99_us / 1000:.0f} ms late at the p99, and the latencies include this "
                "delay; the throughput hardly suffers. Stop other work on its core."
            )
        ]
    return []


def _disturbed(cell: Cell) -> list[CellWarning]:
    """Warn where other programs or a CPU quota disturbed the trials that count.

    The worst blocks are rejected already. A disturbance that is still beyond a limit was too frequent to reject its
    blocks. What a hypervisor does is reported once for the run: its randomness goes into the intervals, and the user
    cannot stop it.
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
            found.append(CellWarning(f"{_blamed(signal)}: its figures are a little low. {REMEDIES[signal.name]}"))
    return found


REMEDIES: Final[dict[SignalName, str]] = {
    "foreign CPU": "Stop the other programs on this machine.",
    "throttling": "Lift the CPU quota of this container or service.",
}


def _blamed(signal: Signal) -> str:
    if signal.name == "throttling":
        return f"A CPU quota stopped the server's processes {signal.value:.0f} times"
    return f"Other programs used up to {signal.value:.0%} of the server's core"


def _impossible(cell: Cell) -> list[CellWarning]:
    found = []
    if cell.bound_share is not None and cell.bound_share > 1 + BOUND_TOLERANCE:
        found.append(
            CellWarning(
                f"The throughput is {cell.bound_share:.0%} of what its declared wait allows: "
                "the handler does not wait as declared, or the count is wrong. Check how the handler waits.",
                invalidates=True,
            )
        )
    users, rate_rps = cell.level.users, cell.level.rate_rps
    if rate_rps is not None and cell.latency_is_lower_bound:
        served = cell.throughput_rps.value if cell.throughput_rps else 0.0
        dropped = f"; {cell.dropped} requests were dropped unsent" if cell.dropped else ""
        found.append(
            CellWarning(
                f"The load offered {rate_rps:g} req/s and the server answered {served:,.0f} req/s{dropped}: this "
                "variant cannot carry the rate, and its latencies are lower bounds (≥). Offer a lower --rate."
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
                f"Throughput × mean latency accounts for {cell.explained_users:.0f} users, and there were {users} "
                "(Little's law): the load was not steady within the windows. Give more --seconds."
            )
        )
    return found


def _left_out(cell: Cell) -> list[CellWarning]:
    """Warn where a trial lost a load process, and with it the requests that this process counted."""
    if not cell.left_out:
        return []
    trials = "1 trial" if cell.left_out == 1 else f"{cell.left_out} trials"
    if cell.incomplete:
        return [
            CellWarning(
                f"A load process was lost in {trials}, and no complete trial is left. Measure again.", invalidates=True
            )
        ]
    return [CellWarning(f"A load process was lost in {trials}; no figure includes {_them(cell.left_out)}.")]


def _them(trials: int) -> str:
    return "it" if trials == 1 else "them"


def _short_handed(cell: Cell) -> list[CellWarning]:
    """Warn where trials ran with fewer load processes, after one was lost and before another one replaced it."""
    if not cell.short_handed:
        return []
    return [
        CellWarning(
            f"{cell.short_handed} of {len(cell.trials)} trials ran with fewer load processes than planned, after one "
            "was lost."
        )
    ]


def _delayed_answers(cell: Cell) -> list[CellWarning]:
    """Warn where several workers share a socket that uvicorn binds: asyncio does not set TCP_NODELAY on it.

    An answer in two pieces then waits up to 40 ms for the client's acknowledgement, while the server is idle
    (https://github.com/Kludex/uvicorn/issues/3149). uvloop sets the option on every connection.
    """
    knobs = cell.level.knobs
    if cell.variant.origin is not None or knobs.workers == 1 or knobs.loop != "asyncio":
        return []
    return [
        CellWarning(
            "uvicorn does not set TCP_NODELAY where several workers run on asyncio's loop (Kludex/uvicorn#3149): an "
            "answer may wait up to 40 ms in the kernel while the server is idle. Use --loop uvloop to measure the "
            "handlers."
        )
    ]


def _thin(cell: Cell) -> list[CellWarning]:
    found = []
    if len(cell.trials) == 1:
        found.append(CellWarning("One trial gives no interval. Use --blocks 5 or more."))
    empty = sum(trial.throughput_rps == 0 for trial in cell.trials)
    if cell.requests and cell.error_rate <= ERROR_LIMIT and (empty or cell.resolution > RESOLUTION_LIMIT):
        seen = (
            f"{empty} of {len(cell.trials)} trials saw no success"
            if empty
            else "a user finishes about one request in a window, which gives no rate"
        )
        found.append(
            CellWarning(
                f"The window is too short for this variant: {seen}. Give more --seconds.",
                invalidates=True,
            )
        )
    elif cell.resolution > RESOLUTION_WARN:
        found.append(
            CellWarning(
                f"A user finishes few requests in a window: the throughput is known only to about "
                f"±{cell.resolution:.0%}, and the intervals of its ratios are widened to that. Give more --seconds."
            )
        )
    if 0 < cell.latency.n < mass_needed(99):
        found.append(
            CellWarning(
                f"{cell.latency.n} requests are too few for a p99 ({mass_needed(99):,} needed). Give more --seconds."
            )
        )
    return found


def _unsteady(cell: Cell) -> list[CellWarning]:
    if cell.unsteady is None or cell.unsteady <= UNSTEADY_LIMIT:
        return []
    return [
        CellWarning(
            f"Not steady: in {cell.unsteady:.0%} of the trials the halves of the window differ by more than "
            f"{HALVES_DIFFER:.0%}. Give more --warmup and --seconds, or stop other work on this machine."
        )
    ]
