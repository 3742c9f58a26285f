"""Estimates and their intervals: arrays in, an estimate out. Imports nothing else of this project."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import stdtrit

CONFIDENCE: Final = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95 % interval over `n` replicates; the ends are None where there are too few for an interval."""

    value: float
    low: float | None
    high: float | None
    n: int


def geometric_mean(values: Sequence[float], confidence: float = CONFIDENCE) -> Estimate | None:
    """Return the geometric mean of positive replicates, with Student's interval on their logarithms.

    exp(m ± t((1+confidence)/2, n−1) · s/√n), with m and s the mean and standard deviation of ln(values). A single value
    has no interval. None where there are no values, or where one is not positive and has no logarithm.
    """
    if not values or min(values) <= 0:
        return None
    logs = np.log(np.asarray(values, dtype=float))
    mean, n = float(logs.mean()), len(values)
    if n == 1:
        return Estimate(float(np.exp(mean)), None, None, 1)
    half_width = float(stdtrit(n - 1, (1 + confidence) / 2) * logs.std(ddof=1) / np.sqrt(n))
    return Estimate(float(np.exp(mean)), float(np.exp(mean - half_width)), float(np.exp(mean + half_width)), n)


def ratio(contender: Sequence[float], baseline: Sequence[float], confidence: float = CONFIDENCE) -> Estimate | None:
    """Return contender/baseline, as the geometric mean of the ratios within each block.

    Both sequences hold one value for each block, in the same order. None where `baseline` is empty, or where a value is
    not positive.

    Raises:
        ValueError: the two differ in length.
    """
    if not baseline or min(baseline) <= 0:
        return None
    return geometric_mean([a / b for a, b in zip(contender, baseline, strict=True)], confidence)


def independent_ratio(
    contender: Sequence[float], baseline: Sequence[float], confidence: float = CONFIDENCE
) -> Estimate | None:
    """Return contender/baseline where the two share no blocks, with Welch's interval on the logarithms.

    exp(m₁ − m₂ ± t((1+confidence)/2, ν) · √(s₁²/n₁ + s₂²/n₂)), with the ν of Welch and Satterthwaite. The estimate's
    `n` is the smaller of the two. Its ends are None where either side has fewer than two replicates. The result is None
    where either side has none, or one that is not positive.
    """
    if not contender or not baseline or min(*contender, *baseline) <= 0:
        return None
    first, second = np.log(np.asarray(contender, dtype=float)), np.log(np.asarray(baseline, dtype=float))
    difference, n = float(first.mean() - second.mean()), min(len(first), len(second))
    if n < 2:
        return Estimate(float(np.exp(difference)), None, None, n)
    parts = [float(logs.var(ddof=1)) / len(logs) for logs in (first, second)]
    total = sum(parts)
    if total == 0:
        value = float(np.exp(difference))
        return Estimate(value, value, value, n)
    degrees = total**2 / sum(part**2 / (len(logs) - 1) for part, logs in zip(parts, (first, second), strict=True))
    half_width = float(stdtrit(degrees, (1 + confidence) / 2) * np.sqrt(total))
    return Estimate(
        float(np.exp(difference)), float(np.exp(difference - half_width)), float(np.exp(difference + half_width)), n
    )


def expected_half_width(blocks: int, spread: float) -> float | None:
    """Return the half-width of a ratio's interval, as a share, to expect over n = `blocks` blocks.

    exp(t(0.975, n−1) · spread / √n) − 1, where `spread` is the standard deviation of the blocks' ln ratios. None for
    fewer than two blocks.
    """
    if blocks < 2:
        return None
    return float(np.exp(stdtrit(blocks - 1, (1 + CONFIDENCE) / 2) * spread / np.sqrt(blocks)) - 1)


def widened(estimate: Estimate, resolution: float) -> Estimate:
    """Return the estimate with an interval that reaches at least `resolution`, a share, to either side.

    An estimate without an interval is returned unchanged.
    """
    if estimate.low is None or estimate.high is None:
        return estimate
    low, high = estimate.value / (1 + resolution), estimate.value * (1 + resolution)
    return Estimate(estimate.value, min(estimate.low, low), max(estimate.high, high), estimate.n)


def detectable(spread: float, blocks: int, power: float = 0.8) -> float | None:
    """Return the smallest ratio, less 1, that n = `blocks` blocks tell from 1 with the probability `power`.

    exp((t(0.975, n−1) + t(power, n−1)) · spread / √n) − 1, where `spread` is the standard deviation of ln ratios. This
    is the usual approximation for the sample size of a paired t-test, solved for the difference. None for fewer than
    two blocks.
    """
    if blocks < 2:
        return None
    reach = float(stdtrit(blocks - 1, (1 + CONFIDENCE) / 2) + stdtrit(blocks - 1, power))
    return float(np.exp(reach * spread / np.sqrt(blocks)) - 1)
