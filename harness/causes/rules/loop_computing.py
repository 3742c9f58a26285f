"""Loop computing: a route computes on the event loop for more than 2 ms at a time.

No single step need be long: a neighbour of 64 requests that compute 6 ms each waits for 0.4 s.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.causes.cause import Cause, CauseRule, Scene
from harness.causes.charge import Contrast, Occupies
from harness.causes.rules.loop_blocked import blocks, wait_for_loop
from harness.causes.rules.small_pieces import applies
from harness.causes.symptoms import Symptoms

COMPUTING_SHARE: Final = 0.05


def condition(contrast: Contrast) -> Iterator[Occupies]:
    """Yield each route whose long steps compute, unless they serialise an answer."""
    for each in long_steps(contrast.loaded):
        in_pieces = each.holding is not None and each.holding.route == contrast.loaded.route and applies(contrast)
        if not serialises(each) and not in_pieces:
            yield each


def long_steps(loaded: Symptoms) -> Iterator[Occupies]:
    """Yield each route that computes in long steps, with the share of the time that these steps take."""
    for holding in loaded.holdings:
        # A garbage collection lengthens any step, and has a rule of its own.
        long = holding.long_computes - loaded.collecting
        if long >= COMPUTING_SHARE and not blocks(holding, loaded):
            yield Occupies(long, holding, computes=long)


def serialises(occupied: Occupies) -> bool:
    """Return whether most samples of the route's steps show that it serialises an answer."""
    site = occupied.holding.site if occupied.holding else None
    return site is not None and site.serialising


def sentence(cause: Cause, _: Scene) -> str:
    """Return the route, the line, and how much of the time its long steps take."""
    holding = cause.holding
    assert holding is not None
    where = f" at {holding.site}, in {holding.site.function}" if holding.site else ""
    return (
        f"{holding.route} computes on the event loop{where}: steps of more than 2 ms take "
        f"{min(1.0, holding.long):.0%} of the time"
    )


def evidence(_: Cause, scene: Scene) -> Iterator[str]:
    """Yield how long it delays the other requests."""
    yield wait_for_loop(scene)


rule: Final = CauseRule(
    name="loop computing",
    condition=condition,
    sentence=sentence,
    evidence=evidence,
    advice="Move the work to another process; a thread would still share the GIL.",
)
