"""Own limit: the application lets C requests at a time past a semaphore, queue or pool of its own.

Throughput cannot exceed C/S, where S is how long a request keeps its turn.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.causes.cause import Cause, CauseRule, Prediction, Scene
from harness.causes.charge import Contrast, Queues
from harness.causes.prediction import enlarged
from harness.causes.wait_profile import LimitKind
from harness.stats.figures import duration_ms

WATCHED: Final = frozenset({"asyncpg", "psycopg", "aiohttp", "urllib3", "requests"})
"""Libraries whose pools have rules of their own, because adapters measure them exactly."""


def condition(contrast: Contrast) -> Iterator[Queues]:
    """Yield the queue at each place that several requests hold at a time, and use."""
    return queues_at(contrast, "own")


def queues_at(contrast: Contrast, kind: LimitKind) -> Iterator[Queues]:
    """Yield the queue at each place of this kind that no library's own rule is charged with."""
    for limit in contrast.loaded.limits:
        if limit.kind == kind and limit.place.library not in WATCHED:
            yield Queues(contrast.waits_longer(limit), 1.0, "nobody", limit=limit)


def sentence(cause: Cause, _: Scene) -> str:
    """Return where requests wait, and how many are let through at a time."""
    limit = cause.limit
    assert limit is not None
    waits_at = limit.place.site
    return (
        f"the application's own limit: requests wait at {waits_at}, in {waits_at.function} ({waits_at.call}), where "
        f"about {limit.capacity:.0f} at a time get through"
    )


def evidence(cause: Cause, _: Scene) -> Iterator[str]:
    """Yield the source line, how long a request waits, how long it keeps its turn, and where."""
    limit = cause.limit
    assert limit is not None
    yield limit.place.site.source
    at = f", mostly at {limit.kept_at}" if limit.kept_at else ""
    yield (
        f"a request waits {duration_ms(limit.waited_s * 1000)} ms there and then keeps its turn for "
        f"{duration_ms(limit.held_s * 1000)} ms{at}"
    )


def prediction(cause: Cause, scene: Scene) -> Prediction | None:
    """Return what it should bring to let twice as many through."""
    return enlarged(scene, cause.limit)


rule: Final = CauseRule(
    name="own limit",
    condition=condition,
    sentence=sentence,
    evidence=evidence,
    advice="Let more requests through, as far as what is behind the limit can serve them, or keep the turn for less.",
    prediction=prediction,
)
