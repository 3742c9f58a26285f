"""Slow client: answers wait in the kernel until the client has read what was sent before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.causes.cause import Cause, CauseRule, Scene
from harness.causes.charge import Contrast, Slows
from harness.causes.symptoms import Symptoms
from harness.stats.figures import duration_ms

DRAIN: Final = "FlowControl.drain"


def condition(contrast: Contrast) -> Iterator[Slows]:
    """Yield how much longer a request waits for its client to read."""
    before_s = draining_s(contrast.alone) if contrast.alone else 0.0
    yield Slows(max(0.0, draining_s(contrast.loaded) - before_s))


def draining_s(symptoms: Symptoms) -> float:
    """Return how long a request waits for its client to read, in seconds."""
    return sum(each.seconds for each in symptoms.sites if each.site.call.endswith(DRAIN))


def sentence(_: Cause, scene: Scene) -> str:
    """Return how long a request waits for its client."""
    waited = duration_ms(draining_s(scene.loaded) * 1000)
    return f"the client reads slowly: a request waits {waited} ms until the kernel takes more of its answer"


rule: Final = CauseRule(
    name="slow client",
    condition=condition,
    sentence=sentence,
    advice="Send less, or compress it; for slow clients on a network, let a proxy buffer the answers.",
)
