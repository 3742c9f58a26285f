"""Latency counts in log-linear bins: 0.78 % wide, from 1 µs to 134 s, mergeable by addition.

Below 256 µs a bin is one microsecond wide; above, each power of two is cut into 128 bins, as in HdrHistogram. Pure: no
gevent and no Locust, so that the harness reads with the code that recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

BINS: Final = 2_688
MAX_US: Final = (1 << 27) - 1


def bin_of(latency_us: int) -> int:
    """The bin of a latency in whole microseconds; what is out of range falls into the first or the last bin."""
    value = min(max(latency_us, 0), MAX_US)
    exponent = max(value.bit_length() - 8, 0)
    return (exponent << 7) + (value >> exponent)


def edges_us(index: int) -> tuple[int, int]:
    """The bin's lowest latency and the lowest of the next one, in microseconds."""
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
        """The latency, in µs, that `percent` of the counts do not exceed; None where there are no counts.

        The rank is the nearest-rank one; inside its bin the counts are taken as evenly spread, and the result is kept
        within the exact minimum and maximum.
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
    """All counts in one distribution: exact, whatever the order."""
    total = Histogram()
    for distribution in distributions:
        total.add(distribution)
    return total.distribution()


class Histogram:
    """Counts being recorded. Plain lists, because they take an increment faster than an array does."""

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
        """Count one latency, in whole microseconds. `bin_of` stands here again, unrolled: this is the hot path."""
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
        """These counts as they stand now."""
        if not self.n:
            return Distribution()
        return Distribution(self.n, self.sum_us, self.min_us, self.max_us, used_bins(self.counts))


def used_bins(counts: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """(bin, count) for every count that is not zero, in order."""
    return tuple((index, count) for index, count in enumerate(counts) if count)
