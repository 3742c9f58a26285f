"""From a short look at every variant, how long their trials must be: a slow one needs longer windows, and so its twins.

A window that is short against the time of a response measures how a queue fills, not how it is served.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from harness.plan.level import Level
from harness.plan.plan import DRAIN_S, MASS, Plan, Tuned, Window
from scenarios.wire.protocol import TrialResult

WARMUP_RESPONSES: Final = 2
WINDOW_RESPONSES: Final = 5
DRAIN_RESPONSES: Final = 2
LONGEST_DRAIN_S: Final = 60.0
SHORTEST_STEP_S: Final = 0.01

Observed = Mapping[tuple[str, Level], Sequence[TrialResult]]
"""What the pilot's trials of all variants of a workload showed at a level."""


def tune(plan: Plan, seen: Observed) -> Plan:
    """The plan with the windows that its variants need, as far as its budget goes.

    What the slowest variant's response time asks for comes first, the requests that a p99 rests on after it; each is
    given to all workloads in the same proportion.
    """
    base = Window(plan.warmup_s, plan.window_s)
    steady = {key: _steady(key[1], results, base, plan.longest_s) for key, results in seen.items()}
    massive = {key: _massive(results, steady[key], plan.longest_s) for key, results in seen.items()}
    start: dict[tuple[str, Level], Window] = dict.fromkeys(seen, base)
    best = _toward(plan, start, steady)
    return _toward(plan, steady, massive) if best.tuned == _with(plan, steady).tuned else best


def response_s(level: Level, result: TrialResult) -> float | None:
    """The mean response time R, in seconds; None where nothing was answered.

    In a closed loop N/X − Z by Little's law, because the slow answers are those that a short window does not see; never
    less than the mean that was seen.
    """
    mean_us = result.latency.mean_us
    if mean_us is None or not result.completed:
        return None
    by_law_s = level.users * result.window_s / result.completed - level.think_s if level.rate_rps is None else 0.0
    return max(mean_us / 1e6, by_law_s)


def _steady(level: Level, results: Sequence[TrialResult], base: Window, longest_s: float) -> Window:
    """What the slowest response asks for."""
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
    """What a p99 of each trial asks for besides."""
    slowest_rps = min((result.completed / result.window_s for result in results), default=0.0)
    needed_s = MASS / slowest_rps if slowest_rps else math.inf
    return replace(window, window_s=max(window.window_s, min(needed_s, longest_s)))


Windows = Mapping[tuple[str, Level], Window]


def _toward(plan: Plan, less: Windows, more: Windows) -> Plan:
    """As far from one to the other as the budget allows, by bisection: the expected time grows with each window."""
    if _with(plan, more).expected_s(plan.most_blocks) <= plan.budget_s:
        return _with(plan, more)
    low, high = 0.0, 1.0
    while high - low > SHORTEST_STEP_S:
        middle = (low + high) / 2
        fits = _with(plan, _between(less, more, middle)).expected_s(plan.most_blocks) <= plan.budget_s
        low, high = (middle, high) if fits else (low, middle)
    return _with(plan, _between(less, more, low))


def _between(less: Windows, more: Windows, share: float) -> Windows:
    return {
        key: Window(
            warmup_s=round(window.warmup_s + share * (more[key].warmup_s - window.warmup_s), 1),
            window_s=round(window.window_s + share * (more[key].window_s - window.window_s), 1),
            drain_s=more[key].drain_s,
        )
        for key, window in less.items()
    }


def _with(plan: Plan, windows: Windows) -> Plan:
    rounded = _between(windows, windows, 0.0)
    return replace(plan, tuned=tuple(Tuned(workload, level, window) for (workload, level), window in rounded.items()))
