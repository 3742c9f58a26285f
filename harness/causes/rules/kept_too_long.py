"""Kept too long: a request keeps a connection, or its turn, while it waits for something else.

The pool is not too small. Throughput cannot exceed C/S, where S is how long a request keeps one of C, used or not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.causes.cause import Cause, CauseRule, Prediction, Scene
from harness.causes.charge import Contrast, Queues
from harness.causes.prediction import enlarged, released
from harness.causes.wait_profile import Limit
from harness.stats.figures import duration_ms


def condition(contrast: Contrast) -> Iterator[Queues]:
    """Yield the queue at each place whose holders mostly do not use what they hold."""
    for limit in kept(contrast):
        yield Queues(contrast.waits_longer(limit), 1.0, "nobody", limit=limit)


def kept(contrast: Contrast) -> Iterator[Limit]:
    """Yield each place whose holders mostly do not use what they hold."""
    return (limit for limit in contrast.loaded.limits if limit.kind == "kept")


def sentence(cause: Cause, _: Scene) -> str:
    """Return what is kept for how long, how much of that is use, and where the holders stand."""
    limit = cause.limit
    assert limit is not None
    taken = limit.place.site
    at = f" at {limit.kept_at}, in {limit.kept_at.function}" if limit.kept_at else ""
    return (
        f"what {taken.function} hands out at {taken} is kept too long: a request keeps it for "
        f"{duration_ms(limit.held_s * 1000)} ms and stands{at} for {limit.kept_s / limit.held_s:.0%} of that"
        if limit.held_s
        else f"what {taken.function} hands out at {taken} is kept too long"
    )


def evidence(cause: Cause, scene: Scene) -> Iterator[str]:
    """Yield the holders' source line, how long a request waits, and what a larger pool should bring."""
    limit = cause.limit
    assert limit is not None
    if limit.kept_at:
        yield limit.kept_at.source
    yield f"a request waits {duration_ms(limit.waited_s * 1000)} ms for one of about {limit.capacity:.0f}"
    larger = enlarged(scene, limit)
    if larger is not None:
        yield f"{larger.change} would allow {larger.most:.2g}× by the bounds, and only moves the wall"


def prediction(cause: Cause, scene: Scene) -> Prediction | None:
    """Return what it should bring to give it back before the line where the holders stand."""
    where = cause.limit.kept_at if cause.limit else None
    return released(scene, cause.limit, f"giving it back before {where}" if where else "giving it back earlier")


rule: Final = CauseRule(
    name="kept too long",
    condition=condition,
    sentence=sentence,
    evidence=evidence,
    advice=(
        "Take it where it is used and give it back before the slow part; a dependency with yield keeps it until the "
        "answer is sent."
    ),
    prediction=prediction,
)
