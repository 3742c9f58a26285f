"""How replicates are distributed: whether they follow each other, and how far the oddest one lies out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

FEWEST_FOR_SHAPE: Final = 6
"""With fewer replicates nothing can be said of how they follow each other, or of their tails."""


def autocorrelation(values: Sequence[float]) -> float | None:
    """The lag-1 autocorrelation r₁ = Σ(xᵢ−m)(xᵢ₊₁−m) / Σ(xᵢ−m)², −1 to 1.

    Replicates that follow each other are fewer than they seem. None for fewer than six, or where all are equal.
    """
    if len(values) < FEWEST_FOR_SHAPE:
        return None
    centred = np.asarray(values, dtype=float) - np.mean(values)
    total = float(centred @ centred)
    return float(centred[:-1] @ centred[1:]) / total if total > 0 else None


def farthest(values: Sequence[float]) -> float | None:
    """How far the farthest value lies from the median, in robust standard deviations (1.4826 · MAD).

    Normal values stay below 5 in 93 of 100 samples of six, in 99 of 100 of twenty. None for fewer than six, or where
    more than half are equal.
    """
    if len(values) < FEWEST_FOR_SHAPE:
        return None
    distances = np.abs(np.asarray(values, dtype=float) - np.median(values))
    spread = 1.4826 * float(np.median(distances))
    return float(distances.max()) / spread if spread > 0 else None
