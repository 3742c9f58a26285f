"""Upstream: the service that a request calls answers later than it declares, or later than without load."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.causes.cause import Cause, CauseRule, Scene
from harness.causes.charge import Contrast, Slows
from harness.stats.figures import duration_ms


def condition(contrast: Contrast) -> Iterator[Slows]:
    """Yield how much longer a call takes than without load, not counting the wait for a connection."""
    yield Slows(max(0.0, contrast.grew("calling") - contrast.grew("call_wait")))


def sentence(_: Cause, scene: Scene) -> str:
    """Return how long a call takes under load."""
    spent = scene.loaded.spending
    call_s = spent.calling - spent.call_wait if spent else 0.0
    return f"the upstream service is slow: a call takes {duration_ms(call_s * 1000)} ms"


def evidence(_: Cause, scene: Scene) -> Iterator[str]:
    """Yield how long a call takes without load."""
    yield f"unloaded, a call takes {duration_ms(scene.demands.call * 1000)} ms"


rule: Final = CauseRule(
    name="upstream",
    condition=condition,
    sentence=sentence,
    evidence=evidence,
    advice="Call it less often, or make calls at the same time: no setting of this server makes it answer faster.",
)
