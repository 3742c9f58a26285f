"""Latency counts in log-linear bins: 0.78 % wide, from 1 µs to 134 s, mergeable by addition.

Below 256 µs a bin is one microsecond wide. Above, each power of two is divided into 128 bins, as in HdrHistogram. This
module imports neither gevent nor Locust, so that the harness reads a histogram with the code that recorded it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

BINS: Final = 2_688
MAX_US: Final = (1 << 27) - 1


def bin_of(latency_us: int) -> int:
    """Return the bin of a latency in whole microseconds. One out of range belongs to the first or the last bin."""
    value = min(max(latency_us, 0), MAX_US)
    exponent = max(value.bit_length() - 8, 0)
    return (exponent << 7) + (value >> exponent)


def edges_us(index: int) -> tuple[int, int]:
    """Return the lowest latency of a bin and that of the next bin, in microseconds."""
    exponent = max((index >> 7) - 1, 0)
    low = (index - (exponent << 7)) << exponent
    return low, low + (1 << exponent)


@dataclass(frozen=True, slots=True)
class Distribution:
    """A finished histogram: exact count, sum, minimum and maximum (µs), and (bin, count) for the bins in use."""

    n: int = 0
    sum_us: int = 0
    min_us: int = 0
    max_us: int = 0
    bins: tuple[tuple[int, int], ...] = ()

    @property
    def mean_us(self) -> float | None:
        return self.sum_us / self.n if self.n else None

    def percentile_us(self, percent: float) -> float | None:
        """Return the latency, in µs, that `percent` (0 to 100) of the counts do not exceed, or None without counts.

        The rank is percent / 100 · n, at least 1. The result is interpolated as if the counts of a bin were evenly
        spread over it, and limited to the exact minimum and maximum.
        """
        if not self.n:
            return None
        rank = max(1.0, percent / 100 * self.n)
        before = 0
        for index, count in self.bins:
            if before + count >= rank:
                low, high = edges_us(index)
                value = low + (high - low) * (rank - before - 0.5) / count
                return min(max(value, float(self.min_us)), float(self.max_us))
            before += count
        return float(self.max_us)


def merge(distributions: Iterable[Distribution]) -> Distribution:
    """Return one distribution of all counts. The sums are exact, so their order does not matter."""
    total = Histogram()
    for distribution in distributions:
        total.add(distribution)
    return total.distribution()


class Histogram:
    """A histogram that is being recorded. Its counts are a list, because incrementing an item of an array is slower."""

    __slots__ = ("counts", "max_us", "min_us", "n", "sum_us")

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.counts: list[int] = [0] * BINS
        self.n = 0
        self.sum_us = 0
        self.min_us = MAX_US
        self.max_us = 0

    def record(self, latency_us: int) -> None:
        """Count one latency, in whole microseconds. On this hot path, the code of `bin_of` is repeated, not called."""
        self.n += 1
        self.sum_us += latency_us
        if latency_us < self.min_us:
            self.min_us = latency_us
        if latency_us > self.max_us:
            self.max_us = latency_us
        if latency_us < 256:
            self.counts[latency_us if latency_us > 0 else 0] += 1
        elif latency_us <= MAX_US:
            exponent = latency_us.bit_length() - 8
            self.counts[(exponent << 7) + (latency_us >> exponent)] += 1
        else:
            self.counts[BINS - 1] += 1

    def add(self, distribution: Distribution) -> None:
        """Add a finished distribution to these counts."""
        if not distribution.n:
            return
        self.n += distribution.n
        self.sum_us += distribution.sum_us
        self.min_us = min(self.min_us, distribution.min_us)
        self.max_us = max(self.max_us, distribution.max_us)
        for index, count in distribution.bins:
            self.counts[index] += count

    def distribution(self) -> Distribution:
        """Return the current counts as a finished distribution."""
        if not self.n:
            return Distribution()
        return Distribution(self.n, self.sum_us, self.min_us, self.max_us, used_bins(self.counts))


def used_bins(counts: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Return (bin, count) for every count that is not zero, in the order of the bins."""
    return tuple((index, count) for index, count in enumerate(counts) if count)
