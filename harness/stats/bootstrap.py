"""Bands around pooled percentiles: blocks are resampled, because they are the replicates and requests are not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from harness.stats.estimate import CONFIDENCE
from scenarios.wire.histogram import BINS, Distribution, edges_us, merge

RESAMPLES: Final = 400
FEWEST_BLOCKS: Final = 3
SEED: Final = 1
LOWS: Final = np.array([edges_us(index)[0] for index in range(BINS)], dtype=float)
HIGHS: Final = np.array([edges_us(index)[1] for index in range(BINS)], dtype=float)


@dataclass(frozen=True, slots=True)
class Curve:
    """Pooled latency in µs at each of `percents`, and its 95 % band from `lows_us` to `highs_us`.

    The band is empty where there are fewer than `FEWEST_BLOCKS` blocks.
    """

    percents: tuple[float, ...] = ()
    values_us: tuple[float, ...] = ()
    lows_us: tuple[float, ...] = ()
    highs_us: tuple[float, ...] = ()


def curve(blocks: Sequence[Distribution], percents: Sequence[float]) -> Curve:
    """Return the pooled percentiles of the blocks' histograms, with their percentile-bootstrap band.

    Each of the `RESAMPLES` resamples draws as many blocks as there are, with replacement, adds their histograms, and
    reads each percentile from the sum. The band spans the middle 95 % of the resamples, at every percentile separately
    (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13). `percents` lie between 0 and 100. Blocks
    without a request are left out; the curve is empty where none has any.
    """
    pooled = merge(blocks)
    if not pooled.n:
        return Curve()
    asked, counted = np.asarray(percents, dtype=float), [block for block in blocks if block.n]
    indices, sizes = map(np.array, zip(*pooled.bins, strict=True))
    (read,) = np.clip(_percentiles(sizes[np.newaxis], indices, asked), pooled.min_us, pooled.max_us)
    values = tuple(map(float, read))
    if len(counted) < FEWEST_BLOCKS:
        return Curve(tuple(percents), values)
    counts = np.zeros((len(counted), BINS))
    for row, block in enumerate(counted):
        for index, size in block.bins:
            counts[row, index] = size
    used = np.flatnonzero(counts.any(axis=0))
    draws = np.random.default_rng(SEED).multinomial(len(counted), [1 / len(counted)] * len(counted), size=RESAMPLES)
    found = _percentiles(draws @ counts[:, used], used, asked)
    found = np.clip(found, pooled.min_us, pooled.max_us)
    tail = (1 - CONFIDENCE) / 2
    lows, highs = np.quantile(found, [tail, 1 - tail], axis=0)
    return Curve(tuple(percents), values, tuple(map(float, lows)), tuple(map(float, highs)))


def _percentiles(counts: Any, used: Any, percents: Any) -> Any:
    """Return (resamples × percents) µs from (resamples × used bins) counts, by `Distribution.percentile_us`'s rule."""
    sums = np.cumsum(counts, axis=1)
    found = np.empty((len(counts), len(percents)))
    for row in range(len(counts)):
        ranks = np.maximum(1.0, percents / 100 * sums[row, -1])
        place = np.searchsorted(sums[row], ranks)
        before, here = sums[row, place] - counts[row, place], counts[row, place]
        low, high = LOWS[used[place]], HIGHS[used[place]]
        found[row] = low + (high - low) * (ranks - before - 0.5) / here
    return found
