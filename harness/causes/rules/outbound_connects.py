"""Outbound connects: outbound calls connect anew, because the client's pool keeps fewer connections than are used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.causes.cause import Cause, CauseRule, Scene
from harness.causes.charge import Contrast, Harms

OFTEN: Final = 0.1


def condition(contrast: Contrast) -> Iterator[Harms]:
    """Yield the fault where many calls make a connection of their own."""
    if contrast.spent.calls and contrast.spent.connects_anew >= OFTEN * contrast.spent.calls:
        yield Harms()


def sentence(_: Cause, scene: Scene) -> str:
    """Return how many of the calls connect anew."""
    spent = scene.loaded.spending
    assert spent is not None
    return f"{spent.connects_anew / spent.calls:.0%} of the outbound calls open a connection of their own"


rule: Final = CauseRule(
    name="outbound connects",
    condition=condition,
    sentence=sentence,
    advice=(
        "Share one session, and let it keep as many connections as are used at a time (requests keeps 10: mount an "
        "HTTPAdapter with a larger pool_maxsize)."
    ),
)
