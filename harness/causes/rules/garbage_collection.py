"""Garbage collection: Python's collector stops every thread of the server, the loop's included."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.causes.cause import Cause, CauseRule, Scene
from harness.causes.charge import Contrast, Occupies

COLLECTING_SHARE: Final = 0.05


def condition(contrast: Contrast) -> Iterator[Occupies]:
    """Yield the share of the time that collections take; it counts as a cause from `COLLECTING_SHARE` on."""
    collecting = contrast.loaded.collecting
    yield Occupies(collecting if collecting >= COLLECTING_SHARE else 0.0, computes=collecting)


def sentence(_: Cause, scene: Scene) -> str:
    """Return how much of the time collections take."""
    return f"garbage collection stops the server for {scene.loaded.collecting:.0%} of the time"


def evidence(*_: object) -> Iterator[str]:
    """Yield who suffers."""
    yield "all requests and threads stop during a collection"


rule: Final = CauseRule(
    name="garbage collection",
    condition=condition,
    sentence=sentence,
    evidence=evidence,
    advice="Call gc.freeze() after start-up, or raise the collector's thresholds with gc.set_threshold().",
)
