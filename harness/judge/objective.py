"""A service level objective: a latency percentile with its limit, and whether a trial met it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from harness.exceptions import BadInputError
from scenarios.wire.protocol import TrialResult

SERVED_SHARE: Final = 0.95
ENOUGH_BEYOND: Final = 10
UNITS: Final = {"us": 0.001, "µs": 0.001, "ms": 1.0, "s": 1000.0}
FORM: Final = re.compile(r"\s*p(\d{1,2}(?:\.\d+)?)\s*<=?\s*(\d+(?:\.\d+)?)\s*(us|µs|ms|s)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Objective:
    """`percent` of the requests must get the declared answer within `limit_ms`."""

    percent: float
    limit_ms: float

    def __str__(self) -> str:
        return f"p{self.percent:g} < {self.limit_ms:g} ms"

    @property
    def requests_needed(self) -> int:
        """How many requests put ten beyond the percentile; with fewer, single requests decide it."""
        return round(ENOUGH_BEYOND / (1 - self.percent / 100))

    def observed_ms(self, result: TrialResult) -> float | None:
        """Return the percentile over all requests that were due in the window; a failed one counts as the slowest.

        None where the percentile lies among the failed requests, or none was due.
        """
        failed = sum(result.failures.values()) + result.dropped
        due = result.latency.n + failed
        rank = self.percent / 100 * due
        if not due or rank > result.latency.n:
            return None
        latency_us = result.latency.percentile_us(100 * rank / result.latency.n)
        return None if latency_us is None else latency_us / 1000

    def broken_by(self, result: TrialResult, rate_rps: float) -> str | None:
        """Return why the trial missed the objective at `rate_rps` offered; None where it met the objective."""
        observed_ms = self.observed_ms(result)
        if observed_ms is None:
            causes = ", ".join(sorted(result.failures)) or "dropped unsent" if result.dropped or result.failures else ""
            return f"p{self.percent:g} failed ({causes or 'nothing was answered'})"
        if observed_ms >= self.limit_ms:
            return f"p{self.percent:g} was {observed_ms:.4g} ms"
        # In a window that is shorter than the limit, a queue could grow without a late answer.
        served_rps = result.throughput_rps
        if served_rps < SERVED_SHARE * rate_rps:
            return f"only {round(served_rps, 1):,.10g} of {rate_rps:,.10g} req/s were answered"
        return None


def parse_objective(text: str) -> Objective:
    """Parse an objective such as `p99<250ms`; the unit is us, ms or s.

    Raises:
        BadInputError: the text is no objective.
    """
    found = FORM.fullmatch(text)
    if found is None:
        raise BadInputError(f"--slo {text} is no objective: write it as 'p99<250ms', in quotes.")
    percent, limit_ms = float(found[1]), float(found[2]) * UNITS[found[3].lower()]
    if not 1 <= percent <= 99.99 or limit_ms <= 0:
        raise BadInputError(f"--slo {text} cannot be met or judged: give a percentile from 1 to 99.99 and a limit.")
    return Objective(percent, limit_ms)
