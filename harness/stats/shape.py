"""The distribution of replicates: whether each resembles the one before it, and how far the most extreme lies out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

FEWEST_FOR_SHAPE: Final = 6
"""With fewer replicates, neither their autocorrelation nor their tails can be judged."""


def autocorrelation(values: Sequence[float]) -> float | None:
    """Return the lag-1 autocorrelation r₁ = Σ(xᵢ−m)(xᵢ₊₁−m) / Σ(xᵢ−m)², from −1 to 1, with m the mean.

    Correlated replicates carry less information than their number suggests. None for fewer than six values, or where
    all are equal.
    """
    if len(values) < FEWEST_FOR_SHAPE:
        return None
    centred = np.asarray(values, dtype=float) - np.mean(values)
    total = float(centred @ centred)
    return float(centred[:-1] @ centred[1:]) / total if total > 0 else None


def farthest(values: Sequence[float]) -> float | None:
    """Return how far the farthest value lies from the median, in robust standard deviations.

    A robust standard deviation is 1.4826 times the median absolute deviation. For normal values the result is below 5
    in 93 of 100 samples of six values, and in 99 of 100 samples of twenty. None for fewer than six values, or where
    more than half are equal.
    """
    if len(values) < FEWEST_FOR_SHAPE:
        return None
    distances = np.abs(np.asarray(values, dtype=float) - np.median(values))
    spread = 1.4826 * float(np.median(distances))
    return float(distances.max()) / spread if spread > 0 else None
