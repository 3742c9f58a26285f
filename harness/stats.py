"""Estimates and their intervals: arrays in, an estimate out. Imports nothing of ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import stdtrit

CONFIDENCE: Final = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95 % interval over `n` replicates; the ends are None where one replicate allows none."""

    value: float
    low: float | None
    high: float | None
    n: int


def geometric_mean(values: Sequence[float]) -> Estimate | None:
    """The geometric mean of positive replicates, with Student's interval on their logarithms.

    exp(m ± t(0.975, n−1) · s/√n) with m and s the mean and standard deviation of ln(values). None where there are no
    values or one is not positive: then no ratio can be formed either.
    """
    if not values or min(values) <= 0:
        return None
    logs = np.log(np.asarray(values, dtype=float))
    mean, n = float(logs.mean()), len(values)
    if n == 1:
        return Estimate(float(np.exp(mean)), None, None, 1)
    half_width = float(stdtrit(n - 1, (1 + CONFIDENCE) / 2) * logs.std(ddof=1) / np.sqrt(n))
    return Estimate(float(np.exp(mean)), float(np.exp(mean - half_width)), float(np.exp(mean + half_width)), n)


def ratio(contender: Sequence[float], baseline: Sequence[float]) -> Estimate | None:
    """contender/baseline as the geometric mean of the ratios within each block; the two are paired by position."""
    if not baseline or min(baseline) <= 0:
        return None
    return geometric_mean([a / b for a, b in zip(contender, baseline, strict=True)])


def widened(estimate: Estimate, resolution: float) -> Estimate:
    """The estimate with an interval no narrower than what can be resolved, as a share to either side."""
    if estimate.low is None or estimate.high is None:
        return estimate
    low, high = estimate.value / (1 + resolution), estimate.value * (1 + resolution)
    return Estimate(estimate.value, min(estimate.low, low), max(estimate.high, high), estimate.n)
