"""Work left behind: requests are answered faster than the work that they leave behind is done.

The rate that a client sees cannot be sustained: background tasks pile up until memory or patience ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.causes.cause import Cause, CauseRule, Scene
from harness.causes.charge import Contrast, Harms

GROWTH: Final = 0.05
"""Work piles up if more than this share of the requests leave some that is not done in the same time."""
MANY: Final = 20


def condition(contrast: Contrast) -> Iterator[Harms]:
    """Yield the fault where answered requests with work under way become more and more."""
    loaded = contrast.loaded
    if loaded.left_behind[1] >= MANY and loaded.left_a_second >= GROWTH * loaded.throughput_rps:
        yield Harms(foremost=True)


def sentence(_: Cause, scene: Scene) -> str:
    """Return how much work is left, how fast it grows, and which rate could be sustained."""
    loaded = scene.loaded
    rate = max(0.0, loaded.throughput_rps - loaded.left_a_second)
    return (
        f"not sustainable: {loaded.throughput_rps:,.0f} requests a second are answered, but the work that they leave "
        f"behind is done for {rate:,.0f} a second"
    )


def evidence(_: Cause, scene: Scene) -> Iterator[str]:
    """Yield how much work was left at the window's beginning and end, and which function it is."""
    began, ended = scene.loaded.left_behind
    yield f"answered requests with work under way: {began:,} when the window opened, {ended:,} when it closed"
    if callee := max(scene.loaded.callees, key=lambda each: each.served, default=None):
        yield f"threads run {callee.callee} for it"


rule: Final = CauseRule(
    name="work left behind",
    condition=condition,
    sentence=sentence,
    evidence=evidence,
    advice="Hand it to a queue with a limit and to workers of its own, and refuse or slow down requests beyond that.",
)
