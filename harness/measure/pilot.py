"""Chooses the length of the trials from a pilot: all variants of a workload get the windows that the slowest one needs.

A window that is short compared with the response time measures how a queue fills, not how it is served.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from harness.plan.level import Level
from harness.plan.plan import DRAIN_S, Window
from harness.plan.schedule import MASS, Schedule, Tuned
from scenarios.wire.protocol import TrialResult

WARMUP_RESPONSES: Final = 2
WINDOW_RESPONSES: Final = 5
DRAIN_RESPONSES: Final = 2
LONGEST_DRAIN_S: Final = 60.0
SHORTEST_STEP_S: Final = 0.01

Observed = Mapping[tuple[str, Level], Sequence[TrialResult]]
"""The pilot's results by workload and level: one for each variant of the workload."""


def tune(schedule: Schedule, seen: Observed) -> Schedule:
    """Return the schedule with the windows that its variants need, within the budget of its plan.

    The windows first grow to what the slowest variant's response time needs, then to the number of requests that a p99
    needs. Where the budget ends on the way, all workloads get the same share of what they need.
    """
    plan = schedule.plan
    base = Window(plan.warmup_s, plan.window_s)
    steady = {key: _steady(key[1], results, base, plan.longest_s) for key, results in seen.items()}
    massive = {key: _massive(results, steady[key], plan.longest_s) for key, results in seen.items()}
    start: dict[tuple[str, Level], Window] = dict.fromkeys(seen, base)
    best = _toward(schedule, start, steady)
    return _toward(schedule, steady, massive) if best.found.tuned == _with(schedule, steady).found.tuned else best


def response_s(level: Level, result: TrialResult) -> float | None:
    """Return the mean response time R, in seconds; None where nothing was answered.

    In a closed loop R = N/X − Z by Little's law, with N users, the throughput X and the think time Z, because a short
    window misses the slow answers. R is never less than the mean latency of the answers.
    """
    mean_us = result.latency.mean_us
    if mean_us is None or not result.completed:
        return None
    by_law_s = level.users * result.window_s / result.completed - level.think_s if level.rate_rps is None else 0.0
    return max(mean_us / 1e6, by_law_s)


def _steady(level: Level, results: Sequence[TrialResult], base: Window, longest_s: float) -> Window:
    """Return the window that the slowest variant's response time needs, as far as the limits allow."""
    responses = [response_s(level, result) for result in results]
    known = [response for response in responses if response is not None]
    slowest_s = max(known) if len(known) == len(responses) and known else math.inf
    p999_us = max((result.latency.percentile_us(99.9) or 0.0 for result in results), default=0.0)
    return Window(
        warmup_s=max(base.warmup_s, min(WARMUP_RESPONSES * slowest_s, longest_s)),
        window_s=max(base.window_s, min(WINDOW_RESPONSES * slowest_s, longest_s)),
        drain_s=max(DRAIN_S, min(DRAIN_RESPONSES * p999_us / 1e6, LONGEST_DRAIN_S)),
    )


def _massive(results: Sequence[TrialResult], window: Window, longest_s: float) -> Window:
    """Return the window, extended where the p99 of the slowest variant needs more requests."""
    slowest_rps = min((result.throughput_rps for result in results), default=0.0)
    needed_s = MASS / slowest_rps if slowest_rps else math.inf
    return replace(window, window_s=max(window.window_s, min(needed_s, longest_s)))


Windows = Mapping[tuple[str, Level], Window]


def _toward(schedule: Schedule, less: Windows, more: Windows) -> Schedule:
    """Go from `less` toward `more` as far as the budget allows, by bisection, because time grows with each window."""
    budget_s, most = schedule.plan.budget_s, schedule.plan.most_blocks
    if _with(schedule, more).expected_s(most) <= budget_s:
        return _with(schedule, more)
    low, high = 0.0, 1.0
    while high - low > SHORTEST_STEP_S:
        middle = (low + high) / 2
        fits = _with(schedule, _between(less, more, middle)).expected_s(most) <= budget_s
        low, high = (middle, high) if fits else (low, middle)
    return _with(schedule, _between(less, more, low))


def _between(less: Windows, more: Windows, share: float) -> Windows:
    return {
        key: Window(
            warmup_s=round(window.warmup_s + share * (more[key].warmup_s - window.warmup_s), 1),
            window_s=round(window.window_s + share * (more[key].window_s - window.window_s), 1),
            drain_s=more[key].drain_s,
        )
        for key, window in less.items()
    }


def _with(schedule: Schedule, windows: Windows) -> Schedule:
    rounded = _between(windows, windows, 0.0)
    return schedule.knowing(
        tuned=tuple(Tuned(workload, level, window) for (workload, level), window in rounded.items())
    )
