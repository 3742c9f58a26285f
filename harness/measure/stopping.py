"""Decides when a comparison has been measured often enough: when its interval is narrow enough for its ratio.

To stop when an interval first excludes 1 would make it exclude 1 too often (its 95 % would be 84 % over ten looks). The
rule reads the width of the interval, and the size of the ratio only to say which width is narrow enough: a ratio that
is far from 1 needs less precision. Since a ratio that is large by chance then stops earlier, the interval of a
comparison that stopped early is somewhat narrower than its 95 % promises.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from harness.machine.placement import Placement
from harness.plan.level import Level
from harness.plan.plan import LOOK_EVERY, Plan
from harness.plan.schedule import Schedule
from harness.record.disturbance import disturbed_blocks, rejected_keys
from harness.record.run import RecordedTrial
from harness.stats.estimate import geometric_mean
from scenarios.wire.protocol import TrialResult

PRECISE_LOG: Final = 0.03
PRECISE_SHARE: Final = 0.05


def is_look(plan: Plan, blocks: int) -> bool:
    """Whether the comparison is looked at after so many blocks."""
    return plan.blocks <= blocks < plan.most_blocks and (blocks - plan.blocks) % LOOK_EVERY == 0


def is_precise(
    schedule: Schedule, workload: str, level: Level, trials: Sequence[RecordedTrial], placement: Placement
) -> bool:
    """Whether the interval of every ratio of the workload at this level is narrow enough.

    Its half-width on the logarithm must be at most max(0.03, 0.05 · |mean|). `trials` are all of the session so far.
    """
    rejected = rejected_keys(disturbed_blocks(trials, placement))
    mine = [each for each in trials if (each.trial.workload, each.trial.level) == (workload, level)]
    values: dict[str, dict[int, float]] = {}
    for each in mine:
        if (workload, level, each.trial.block) not in rejected:
            values.setdefault(each.trial.variant, {})[each.trial.block] = _value(level, each.result)
    for pair in schedule.pairs_at(workload, level):
        contender, baseline = values.get(pair.contender, {}), values.get(pair.baseline, {})
        common = [block for block in contender if baseline.get(block)]
        estimate = geometric_mean([contender[block] / baseline[block] for block in common])
        if estimate is None or estimate.low is None or estimate.high is None:
            return False
        half_width = math.log(estimate.high / estimate.low) / 2
        if half_width > max(PRECISE_LOG, PRECISE_SHARE * abs(math.log(estimate.value))):
            return False
    return True


def _value(level: Level, result: TrialResult) -> float:
    """The metric that the level's verdict is about; 0 where it is not known."""
    if level.rate_rps is None:
        return result.throughput_rps
    return result.latency.percentile_us(99) or 0.0
