"""Serialisation: FastAPI turns a large answer into JSON on the event loop, even for a def handler."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.causes.cause import Cause, CauseRule, Scene
from harness.causes.charge import Contrast, Occupies
from harness.causes.rules.loop_blocked import wait_for_loop
from harness.causes.rules.loop_computing import long_steps, serialises


def condition(contrast: Contrast) -> Iterator[Occupies]:
    """Yield each route whose long steps serialise its answers."""
    return (each for each in long_steps(contrast.loaded) if serialises(each))


def sentence(cause: Cause, _: Scene) -> str:
    """Return the route, and how much of the time its long steps take."""
    assert cause.holding is not None
    return (
        f"{cause.holding.route} returns large answers: turning them into JSON holds the event loop "
        f"{min(1.0, cause.holding.long):.0%} of the time"
    )


def evidence(_: Cause, scene: Scene) -> Iterator[str]:
    """Yield how long it delays the other requests."""
    yield wait_for_loop(scene)


rule: Final = CauseRule(
    name="serialisation",
    condition=condition,
    sentence=sentence,
    evidence=evidence,
    advice=(
        "Return less data, declare a response model, or return a Response that is JSON already. A def handler does not "
        "help: FastAPI serialises on the loop in any case."
    ),
)
