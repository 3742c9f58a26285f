"""The rule that stops a comparison: its interval is narrow enough for its ratio.

A rule that stops when an interval first excludes 1 would exclude 1 too often: over ten checks, its 95 % would be 84 %.
This rule reads the width of the interval. It reads the size of the ratio only to decide which width is narrow enough: a
ratio that is far from 1 needs less precision. A ratio that is large by chance therefore stops earlier, and the interval
of a comparison that stopped early is somewhat narrower than a true 95 % interval.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from harness.machine.placement import Placement
from harness.plan.level import Level
from harness.plan.metric import primary
from harness.plan.plan import LOOK_EVERY, Plan
from harness.plan.schedule import Schedule
from harness.record.disturbance import disturbed_blocks, rejected_keys
from harness.record.run import RecordedTrial
from harness.record.trial_figures import TrialFigures, block_ratios, figures_of
from harness.stats.estimate import geometric_mean

PRECISE_LOG: Final = 0.03
PRECISE_SHARE: Final = 0.05


def is_look(plan: Plan, blocks: int) -> bool:
    """Return whether the precision of the comparison is checked after so many blocks."""
    return plan.blocks <= blocks < plan.most_blocks and (blocks - plan.blocks) % LOOK_EVERY == 0


def is_precise(
    schedule: Schedule, workload: str, level: Level, trials: Sequence[RecordedTrial], placement: Placement
) -> bool:
    """Return whether the interval of every ratio of the workload at this level is narrow enough.

    Its half-width on a logarithmic scale must be at most max(0.03, 0.05 · |mean|). `trials` are all trials so far.
    """
    rejected = rejected_keys(disturbed_blocks(trials, placement))
    measured: dict[str, list[TrialFigures]] = {}
    for each in trials:
        trial = each.trial
        if (trial.workload, trial.level) != (workload, level) or each.result.lost:
            continue
        if (workload, level, trial.block) not in rejected:
            measured.setdefault(trial.variant, []).append(figures_of(each))
    for pair in schedule.pairs_at(workload, level):
        ratios = block_ratios(measured.get(pair.contender, []), measured.get(pair.baseline, []), primary(level))
        estimate = geometric_mean(ratios)
        if estimate is None or estimate.low is None or estimate.high is None:
            return False
        half_width = math.log(estimate.high / estimate.low) / 2
        if half_width > max(PRECISE_LOG, PRECISE_SHARE * abs(math.log(estimate.value))):
            return False
    return True
