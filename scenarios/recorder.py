"""What a fleet's requests came to: counts within a window, by the client's clock."""

from __future__ import annotations

from collections import Counter
from typing import Final

from scenarios.histogram import Histogram

FOREVER_NS: Final = 1 << 62


class Recorder:
    """Counts what ends, and what was sent, inside the window [`open_ns`, `close_ns`).

    Throughput and latency ask different questions of a request: a success counts for throughput if it ended inside the
    window, and for latency if it was sent inside it, however long it then took. Otherwise the slowest requests, those
    in flight when the window closes, would be the ones that vanish.
    """

    __slots__ = ("close_ns", "completed", "failed", "failures", "latency", "open_ns")

    def __init__(self, open_ns: int = 0, close_ns: int = FOREVER_NS) -> None:
        self.open_ns = open_ns
        self.close_ns = close_ns
        self.reset()

    def reset(self) -> None:
        """Forget every count; the window stays."""
        self.completed = 0
        self.latency = Histogram()
        self.failed = Histogram()
        self.failures: Counter[str] = Counter()

    def success(self, sent_ns: int, end_ns: int) -> None:
        """Count one request that was answered as declared."""
        if self.open_ns <= end_ns < self.close_ns:
            self.completed += 1
        if self.open_ns <= sent_ns < self.close_ns:
            self.latency.record((end_ns - sent_ns) // 1000)

    def failure(self, cause: str, sent_ns: int, end_ns: int) -> None:
        """Count one request that was answered otherwise, or cut off, or never answered."""
        if self.open_ns <= sent_ns < self.close_ns:
            self.failed.record((end_ns - sent_ns) // 1000)
            self.failures[cause] += 1
