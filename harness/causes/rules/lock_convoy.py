"""Lock convoy: one request at a time holds a lock that all requests need. Throughput cannot exceed 1/t.

t is how long each holds it. Neither threads nor users change that.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.causes.cause import Cause, CauseRule, Prediction, Scene
from harness.causes.charge import Contrast, Queues
from harness.causes.prediction import released
from harness.causes.rules.own_limit import queues_at
from harness.stats.figures import duration_ms


def condition(contrast: Contrast) -> Iterator[Queues]:
    """Yield the queue at each place that one request holds at a time."""
    return queues_at(contrast, "convoy")


def sentence(cause: Cause, _: Scene) -> str:
    """Return where requests wait, and where the one that they wait for stands."""
    limit = cause.limit
    assert limit is not None
    at = f" at {limit.kept_at}, in {limit.kept_at.function}" if limit.kept_at else ""
    waits_at = limit.place.site
    return (
        f"a lock lets one request through at a time: requests wait at {waits_at}, in {waits_at.function} "
        f"({waits_at.call}), while one holds it{at}"
    )


def evidence(cause: Cause, _: Scene) -> Iterator[str]:
    """Yield the holder's source line, how long it holds the lock, and the bound."""
    limit = cause.limit
    assert limit is not None
    if limit.kept_at:
        yield limit.kept_at.source
    yield (
        f"a request waits {duration_ms(limit.waited_s * 1000)} ms and holds the lock for "
        f"{duration_ms(limit.held_s * 1000)} ms, so that no number of threads serves more than "
        f"{limit.bound_rps:,.0f} requests a second"
    )


def prediction(cause: Cause, scene: Scene) -> Prediction | None:
    """Return what it should bring not to hold the lock at the line where its holder stands."""
    return released(scene, cause.limit, "the work done outside of the lock")


rule: Final = CauseRule(
    name="lock convoy",
    condition=condition,
    sentence=sentence,
    evidence=evidence,
    advice="Do the slow part without the lock, or hand it to one thread through a queue; more threads do not help.",
    prediction=prediction,
)
