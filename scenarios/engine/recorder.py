"""Records the results of a target's requests within a window, slice by slice, by the client's clock."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass
from typing import Final

from scenarios.wire.histogram import Distribution, Histogram, merge
from scenarios.wire.protocol import Slice

FOREVER_NS: Final = 1 << 62


class Recorder:
    """Counts the requests of a window [`open_ns`, `close_ns`), in `time.monotonic_ns()`.

    A success counts for throughput (`completed`) if it ended inside the window. It counts for latency if it was due
    inside the window, even where it ended later. Otherwise the latencies would lack the slowest requests, which are in
    flight when the window closes.

    `latency` holds the running slice only. `roll` compresses it to a few kilobytes, so that the memory does not grow
    with the number of requests.
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
        """Set every count to zero. The window stays."""
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
        """Return how many requests were answered or lost. While none is in flight, these are all that were sent."""
        return self.answered + self.lost

    def success(self, sent_ns: int, end_ns: int) -> None:
        """Count one request of a closed loop that got its expected status."""
        if self.open_ns <= end_ns < self.close_ns:
            self.completed += 1
        if self.open_ns <= sent_ns < self.close_ns:
            self.latency.record((end_ns - sent_ns) // 1000)

    def success_due(self, due_ns: int, sent_ns: int, end_ns: int) -> None:
        """Count one request of an open loop that got its expected status."""
        if self.open_ns <= end_ns < self.close_ns:
            self.completed += 1
        if self.open_ns <= due_ns < self.close_ns:
            self.latency.record((end_ns - due_ns) // 1000)
            self.service.record((end_ns - sent_ns) // 1000)
            self.send_lag.record((sent_ns - due_ns) // 1000)

    def failure(self, cause: str, due_ns: int, end_ns: int) -> None:
        """Count one request that got another status, was cut off or was never answered.

        It counts if any part of its lifetime is inside the window. For example, a request that was sent in the warm-up
        and never answered blocked its user during the whole window.
        """
        if due_ns < self.close_ns and end_ns >= self.open_ns:
            self.failed.record((end_ns - due_ns) // 1000)
            self.failures[cause] += 1

    def drop(self, due_ns: int) -> None:
        """Count one request that was due and never sent, because no connection became idle in time."""
        if self.open_ns <= due_ns < self.close_ns:
            self.dropped += 1

    def roll(self) -> None:
        """End the running slice: compress its latencies and start the next slice at zero."""
        completed = self.completed - sum(packed.completed for packed in self._packed)
        failed = self.failed.n - sum(packed.failed for packed in self._packed)
        self._packed.append(_Packed.of(completed, failed, self.latency))
        self.latency.clear()

    def slices(self) -> tuple[Slice, ...]:
        """Return every slice that has ended."""
        return tuple(Slice(packed.completed, packed.failed, packed.distribution()) for packed in self._packed)

    def total_latency(self) -> Distribution:
        """Return the latencies of all slices, including the running one."""
        return merge([*(packed.distribution() for packed in self._packed), self.latency.distribution()])


@dataclass(frozen=True, slots=True)
class _Packed:
    """A slice as arrays of machine integers, which take a few bytes for each bin in use."""

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
