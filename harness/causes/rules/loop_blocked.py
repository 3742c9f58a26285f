"""Loop blocked: a route calls something on the event loop that makes the loop's thread wait.

The loop serves no other request during that time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from harness.causes.cause import Cause, CauseRule, Prediction, Scene
from harness.causes.charge import Contrast, Occupies
from harness.causes.prediction import rewritten
from harness.causes.symptoms import Holding, Symptoms
from harness.stats.figures import duration_ms

HELD_SHARE: Final = 0.05
WAITS_SHARE: Final = 0.10
CERTAIN: Final = 0.5


def condition(contrast: Contrast) -> Iterator[Occupies]:
    """Yield each route that waits on the loop, with the time for which it holds the loop."""
    for holding in contrast.loaded.holdings:
        if blocks(holding, contrast.loaded):
            yield Occupies(holding.holds, holding, computes=holding.holds - holding.waits)


def blocks(holding: Holding, loaded: Symptoms) -> bool:
    """Return whether a route waits while it holds the loop.

    It must wait, not compute, for a good part of that time, and most samples of that time must show its own lines.
    """
    held = sum(each.holds for each in loaded.holdings)
    return (
        holding.holds >= HELD_SHARE
        and holding.waits >= WAITS_SHARE * holding.holds
        and holding.certainty >= CERTAIN * holding.holds / held
        and holding.site is not None
        and not holding.site.serialising
    )


def sentence(cause: Cause, _: Scene) -> str:
    """Return the route, the line, how long the route holds the loop, and how much of that time it computes."""
    holding = cause.holding
    assert holding is not None
    assert holding.site is not None
    held = f"{holding.holds:.0%} of the time" if holding.holds < 1 else "all the time"
    computes = 1 - holding.waits / holding.holds
    return (
        f"{holding.route} blocks the event loop at {holding.site}, in {holding.site.function}: it holds the loop "
        f"{held} and computes for {computes:.0%} of that"
    )


def evidence(cause: Cause, scene: Scene) -> Iterator[str]:
    """Yield the source line, and how long it delays the other requests."""
    assert cause.holding is not None
    assert cause.holding.site is not None
    yield f"{cause.holding.site.source}  ({cause.holding.site.call})"
    yield wait_for_loop(scene)


def wait_for_loop(scene: Scene) -> str:
    """Return how long the loop's stalls delay any other request of this server."""
    waited_ms = duration_ms(scene.loaded.lag_s * 1000)
    return f"meanwhile any other request waited {waited_ms} ms or more for the loop on average (Σb²/2T)"


def prediction(cause: Cause, scene: Scene) -> Prediction | None:
    """Return what the handler as def should bring its own route: it keeps a thread instead of the loop."""
    assert cause.holding is not None
    if cause.holding.route != scene.loaded.route or not scene.demands.loop:
        return None
    return rewritten(scene, "the handler as def", replace(scene.demands, loop=0.0, thread=scene.demands.loop))


rule: Final = CauseRule(
    name="loop blocked",
    condition=condition,
    sentence=sentence,
    evidence=evidence,
    advice="Write the handler as def, so that a thread waits instead of the loop, or await an asynchronous driver.",
    prediction=prediction,
    # Even a small share counts: every other route of this server waits for the loop, too.
    least_share=0.0,
)
