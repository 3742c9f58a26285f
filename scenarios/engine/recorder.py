"""What a target's requests came to: counts within a window, a slice at a time, by the client's clock."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass
from typing import Final

from scenarios.wire.histogram import Distribution, Histogram, merge
from scenarios.wire.protocol import Slice

FOREVER_NS: Final = 1 << 62


class Recorder:
    """Counts what ends, and what was sent, inside the window [`open_ns`, `close_ns`).

    Throughput and latency ask different questions of a request: a success counts for throughput if it ended inside the
    window, and for latency if it was due inside it, however long it then took. Otherwise the slowest requests, those
    in flight when the window closes, would be the ones that vanish.

    `latency` holds the running slice; `roll` packs it away in a few kilobytes, so that memory stays flat however long
    the trial and however many its requests.
    """

    __slots__ = (
        "_packed",
        "answered",
        "close_ns",
        "completed",
        "dropped",
        "failed",
        "failures",
        "latency",
        "lost",
        "open_ns",
        "send_lag",
        "service",
    )

    def __init__(self, open_ns: int = 0, close_ns: int = FOREVER_NS) -> None:
        self.open_ns = open_ns
        self.close_ns = close_ns
        self.reset()

    def reset(self) -> None:
        """Forget every count; the window stays."""
        self.answered = 0
        self.lost = 0
        self.completed = 0
        self.dropped = 0
        self.latency = Histogram()
        self.service = Histogram()
        self.send_lag = Histogram()
        self.failed = Histogram()
        self.failures: Counter[str] = Counter()
        self._packed: list[_Packed] = []

    @property
    def sent(self) -> int:
        """Every request that was sent; exact once nothing is in flight, for each is answered or lost."""
        return self.answered + self.lost

    def success(self, sent_ns: int, end_ns: int) -> None:
        """Count one request of a closed loop that was answered as declared."""
        if self.open_ns <= end_ns < self.close_ns:
            self.completed += 1
        if self.open_ns <= sent_ns < self.close_ns:
            self.latency.record((end_ns - sent_ns) // 1000)

    def success_due(self, due_ns: int, sent_ns: int, end_ns: int) -> None:
        """Count one request of an open loop that was answered as declared."""
        if self.open_ns <= end_ns < self.close_ns:
            self.completed += 1
        if self.open_ns <= due_ns < self.close_ns:
            self.latency.record((end_ns - due_ns) // 1000)
            self.service.record((end_ns - sent_ns) // 1000)
            self.send_lag.record((sent_ns - due_ns) // 1000)

    def failure(self, cause: str, due_ns: int, end_ns: int) -> None:
        """Count one request that was answered otherwise, or cut off, or never answered.

        Whatever of its life lies inside the window counts: a request that was sent in the warm-up and never answered
        kept its user away for the whole of it.
        """
        if due_ns < self.close_ns and end_ns >= self.open_ns:
            self.failed.record((end_ns - due_ns) // 1000)
            self.failures[cause] += 1

    def drop(self, due_ns: int) -> None:
        """Count one request that was due and never sent, because no connection came free in time."""
        if self.open_ns <= due_ns < self.close_ns:
            self.dropped += 1

    def roll(self) -> None:
        """End the running slice: pack its latencies and begin with zero."""
        completed = self.completed - sum(packed.completed for packed in self._packed)
        failed = self.failed.n - sum(packed.failed for packed in self._packed)
        self._packed.append(_Packed.of(completed, failed, self.latency))
        self.latency.clear()

    def slices(self) -> tuple[Slice, ...]:
        """Every slice that was rolled."""
        return tuple(Slice(packed.completed, packed.failed, packed.distribution()) for packed in self._packed)

    def total_latency(self) -> Distribution:
        """The latencies of all slices, rolled or running."""
        return merge([*(packed.distribution() for packed in self._packed), self.latency.distribution()])


@dataclass(frozen=True, slots=True)
class _Packed:
    """A slice in arrays of machine numbers, a few bytes for each bin in use."""

    completed: int
    failed: int
    n: int
    sum_us: int
    min_us: int
    max_us: int
    bins: array[int]
    counts: array[int]

    @classmethod
    def of(cls, completed: int, failed: int, latency: Histogram) -> _Packed:
        used = [(index, count) for index, count in enumerate(latency.counts) if count]
        return cls(
            completed,
            failed,
            latency.n,
            latency.sum_us,
            latency.min_us,
            latency.max_us,
            array("H", [index for index, _ in used]),
            array("Q", [count for _, count in used]),
        )

    def distribution(self) -> Distribution:
        if not self.n:
            return Distribution()
        bins = tuple(zip(self.bins, self.counts, strict=True))
        return Distribution(self.n, self.sum_us, self.min_us, self.max_us, bins)
