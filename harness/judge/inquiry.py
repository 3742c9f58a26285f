"""Why a cell is as slow as it is: its profiled trials, combined with its measured trials."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from harness.causes.account import LatencyAccount, account_of
from harness.causes.bounds import bounds_of, demands_of
from harness.causes.cause import Explanation, Scene, explain
from harness.causes.diagnosis import NO_TELEMETRY, Diagnosis, diagnose
from harness.causes.symptoms import symptoms_of
from harness.judge.cells import Cell
from harness.machine.core import FULL_CORE
from harness.plan.level import Level
from harness.plan.plan import unloaded_of
from harness.record.run import RecordedTrial, Run

NEAR_BOUND: Final = 0.85
CUT_SHORT: Final = 1.25
"""A trial was too short for its requests if the client's mean latency is longer by this factor than the server's."""
NOT_DIAGNOSED: Final = Diagnosis(unknown="not profiled at this level")
CLIENT_LIMITED: Final = Diagnosis(unknown="the load generator or a CPU quota was the limit during profiling")


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What was found out about a cell; `scene` is None without telemetry.

    `account_alone` and `account` say what a request's latency adds up to, with one user and under load; None where no
    account was kept.
    """

    diagnosis: Diagnosis
    scene: Scene | None = None
    explanations: tuple[Explanation, ...] = ()
    account_alone: LatencyAccount | None = None
    account: LatencyAccount | None = None


def inquire(cell: Cell, run: Run) -> Inquiry:
    """Find out why this cell is as slow as it is, by the profiled trials of its variant, unloaded and at its level."""
    alone, loaded = (_diagnosed(cell, run, level) for level in (unloaded_of(cell.level), cell.level))
    if alone is None or loaded is None:
        return Inquiry(NO_TELEMETRY if run.manifest.target or not run.diagnosed else NOT_DIAGNOSED)
    if loaded.result.load_cpu >= FULL_CORE or loaded.result.throttled:
        return Inquiry(CLIENT_LIMITED)
    before, after = symptoms_of(alone, cell.variant.path), symptoms_of(loaded, cell.variant.path)
    declared_s = cell.workload.wait_s if cell.workload.outbound else None
    found = diagnose(before, after, declared_s)
    # The client waited for the requests that had not ended in the window; the server's accounts have only the others.
    waited_s = (loaded.result.latency.mean_us or 0.0) / 1e6
    found = replace(found, at_least=waited_s > CUT_SHORT * (found.queueing_s + found.unloaded_s))
    if before is None or after is None:
        return Inquiry(found)
    demands = demands_of(
        before,
        response_s=(alone.result.latency.mean_us or 0.0) / 1e6,
        # From the measured trials: profiling itself costs processor time.
        processor_s=cell.server_cpu / cell.throughput_rps.value if cell.server_cpu and cell.throughput_rps else 0.0,
        blocks=any(each.holding and each.holding.route == cell.variant.path for each in found.causes),
        limit=next((each.limit for each in found.causes if each.limit is not None), None),
    )
    if demands is None:
        return Inquiry(found)
    cores, calibration = max(1, len(run.manifest.placement.server)), run.manifest.calibration
    client_rps = calibration.client_ceiling_rps * run.manifest.plan.load_processes if calibration else None
    bounds = bounds_of(cell.level, demands, cores=cores, client_rps=client_rps)
    scene = Scene(cell.level, before, after, demands, bounds, cores)
    return Inquiry(
        found,
        scene,
        explain(found.causes, scene),
        account_of(before, alone.result),
        account_of(after, loaded.result),
    )


def _diagnosed(cell: Cell, run: Run, level: Level) -> RecordedTrial | None:
    wanted = (cell.workload.name, cell.variant.name, level)
    for recorded in run.diagnosed:
        if (recorded.trial.workload, recorded.trial.variant, recorded.trial.level) == wanted:
            return recorded
    return None


def cause(cell: Cell) -> str | None:
    """Return what limited a cell without telemetry, from its bound and the use of the CPU; None if unexplained.

    A bound that was nearly reached comes first, because a waiting server has CPU to spare. A full core comes next.
    """
    if cell.bound is not None and cell.bound_share is not None and cell.bound_share >= NEAR_BOUND:
        return (
            f"{cell.bound.limit} ({cell.bound.formula} = {cell.bound.rps:,.0f} req/s, {cell.bound_share:.0%} reached)"
        )
    if cell.server_cpu is not None and cell.server_cpu >= FULL_CORE:
        return f"the server's core is full{_cost(cell)}"
    if cell.variant.origin is None and cell.load_core_busy is not None and cell.load_core_busy >= FULL_CORE:
        return f"the core that load and services share is {cell.load_core_busy:.0%} busy"
    return None


def _cost(cell: Cell) -> str:
    if cell.server_cpu is None or cell.throughput_rps is None:
        return ""
    return f": {cell.server_cpu / cell.throughput_rps.value * 1e6:,.0f} µs of CPU a request"
