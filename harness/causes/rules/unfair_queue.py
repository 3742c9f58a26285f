"""Unfair queue: a pool gives connections to newcomers before those who have waited longer.

The mean is what it would be in order of arrival; the longest waits are not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.causes.cause import Cause, CauseRule, Scene
from harness.causes.charge import Contrast, Harms
from harness.stats.figures import duration_ms

OVERTAKEN: Final = 0.2
WAIT_S: Final = 0.002


def condition(contrast: Contrast) -> Iterator[Harms]:
    """Yield the fault where many leases overtake a request that has waited longer."""
    if contrast.spent.overtaken >= OVERTAKEN and contrast.grew("lease_wait") >= WAIT_S:
        yield Harms()


def sentence(_: Cause, scene: Scene) -> str:
    """Return how often a request is overtaken."""
    spent = scene.loaded.spending
    assert spent is not None
    return (
        f"the queue for a database connection is unfair: {spent.overtaken:.0%} of the connections went to a request "
        "that had asked later than another one that still waited"
    )


def evidence(_: Cause, scene: Scene) -> Iterator[str]:
    """Yield what a request waits on average."""
    spent = scene.loaded.spending
    assert spent is not None
    yield (
        f"in order of arrival all would wait about {duration_ms(spent.lease_wait * 1000)} ms, the mean; some wait many "
        "times as long, which p99 shows and the mean does not"
    )


rule: Final = CauseRule(
    name="unfair queue",
    condition=condition,
    sentence=sentence,
    evidence=evidence,
    advice="Judge this variant by its p99, and let no more requests in than the pool has connections.",
)
