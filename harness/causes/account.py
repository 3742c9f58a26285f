"""The account of a request's latency: what the client waited, against what the server's parts add up to.

    before the application + in it + the way back = the client's latency

The four are measured apart: the client times the latency; its stamps and the server's clock give the two ways; the
server counts the requests that are in the application, which are their rate times their time there (Little's law). What
is missing, or too much, is the residual.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.causes.symptoms import Symptoms
from scenarios.wire.protocol import TrialResult


@dataclass(frozen=True, slots=True)
class LatencyAccount:
    """The parts of a mean request's latency, in seconds. `before` is the wait for the loop and in the kernel."""

    latency: float
    before: float
    inside: float
    back: float

    @property
    def residual(self) -> float:
        """The share of the latency that the parts do not account for; negative where they are more than it."""
        return 1 - (self.before + self.inside + self.back) / self.latency if self.latency else 0.0


def account_of(symptoms: Symptoms | None, result: TrialResult) -> LatencyAccount | None:
    """Return the account of a profiled trial; None where a side of it is missing."""
    # In an open loop the latency counts from when a request was due; the time until it was sent is the client's own.
    latency_us = (result.service if result.service.n else result.latency).mean_us
    if symptoms is None or symptoms.spending is None or latency_us is None:
        return None
    spent = symptoms.spending
    return LatencyAccount(
        latency=latency_us / 1e6,
        before=spent.pre,
        inside=spent.inside,
        back=spent.back,
    )
