"""Feeds Locust's own statistics in bulk, so that its web UI, CSV files and exit code agree with the recorder.

Locust's request event takes tens of microseconds a request and would make the client the bottleneck.
"""

from __future__ import annotations

import time
from typing import Any, Final

import gevent
from locust.env import Environment
from locust.stats import StatsError, bucket_response_time

from scenarios.engine.recorder import Recorder
from scenarios.engine.target import Target
from scenarios.wire.histogram import BINS, edges_us

PERIOD_S: Final = 1.0


class BulkFeed:
    """Adds once a second what one target has newly recorded to Locust's statistics of that target."""

    def __init__(self, environment: Environment, name: str, target: Target) -> None:
        self._environment = environment
        self._name = name
        self._target = target
        self.restart()

    def restart(self) -> None:
        """Reset the target's recorder for a new test, as Locust resets its statistics."""
        recorder = self._target.recorder
        recorder.reset()
        self._fed = [0] * BINS
        self._fed_failed = [0] * BINS
        self._fed_causes: dict[str, int] = {}
        self._fed_us = 0

    def run_forever(self) -> None:
        """Feed Locust's statistics once a second, until killed."""
        while True:
            gevent.sleep(PERIOD_S)
            self.flush()

    def flush(self) -> None:
        """Add what was recorded since the last call."""
        recorder, moment = self._target.recorder, time.time()
        fresh = self._fresh(recorder.latency.counts, self._fed) + self._fresh(recorder.failed.counts, self._fed_failed)
        total_us = recorder.latency.sum_us + recorder.failed.sum_us
        new_ms, self._fed_us = (total_us - self._fed_us) / 1000, total_us
        stats = self._environment.stats
        if not fresh:  # each failure is in a histogram, too, so there is no new failure either
            return
        entries: tuple[Any, ...] = (stats.total, stats.entries[self._name, "GET"])
        for entry in entries:
            _log(entry, fresh, new_ms, recorder, moment)
        for cause, count in recorder.failures.items():
            new = count - self._fed_causes.get(cause, 0)
            if new:
                self._fed_causes[cause] = count
                self._log_failures(entries, cause, new, int(moment))

    @staticmethod
    def _fresh(counts: list[int], fed: list[int]) -> list[tuple[float, int]]:
        """Return (latency in ms, count) for each bin that has grown since the last call, and remember its count."""
        fresh = []
        for index, (now, before) in enumerate(zip(counts, fed, strict=True)):
            if now != before:
                low, high = edges_us(index)
                fresh.append(((low + high) / 2000, now - before))
                fed[index] = now
        return fresh

    def _log_failures(self, entries: tuple[Any, ...], cause: str, count: int, second: int) -> None:
        for entry in entries:
            entry.num_failures += count
            entry.num_fail_per_sec[second] += count
        errors = self._environment.stats.errors
        key = StatsError.create_key("GET", self._name, cause)
        error = errors.setdefault(key, StatsError("GET", self._name, cause))
        # occurred() counts one error and stores the times of the first and the last one.
        error.occurred()
        error.occurrences += count - 1


def _log(entry: Any, fresh: list[tuple[float, int]], total_ms: float, recorder: Recorder, moment: float) -> None:
    """Do for many requests at once what Locust's StatsEntry.log does for one."""
    second = int(moment)
    if entry.use_response_times_cache and entry.last_request_timestamp and second > int(entry.last_request_timestamp):
        entry._cache_response_times(second - 1)
    count = sum(number for _, number in fresh)
    entry.num_requests += count
    entry.num_reqs_per_sec[second] += count
    entry.last_request_timestamp = moment
    entry.total_response_time += total_ms
    for latency_ms, number in fresh:
        entry.response_times[bucket_response_time(latency_ms)] += number
    lowest = min(recorder.latency.min_us, recorder.failed.min_us) / 1000
    highest = max(recorder.latency.max_us, recorder.failed.max_us) / 1000
    entry.min_response_time = lowest if entry.min_response_time is None else min(lowest, entry.min_response_time)
    entry.max_response_time = max(highest, entry.max_response_time)
