"""Outbound limit: requests wait for one of the C connections of the client session. Throughput cannot exceed C/S.

S is how long a call keeps its connection. Where calls take longer than without load, the rest of the queue is charged
to the neighbour that answers late.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.causes.cause import Cause, CauseRule, Scene
from harness.causes.charge import Contrast, Queues, own_share
from harness.stats.figures import duration_ms


def condition(contrast: Contrast) -> Iterator[Queues]:
    """Yield the queue for a connection. The limit's own share is what remains if calls take no longer."""
    before, after = contrast.unloaded, contrast.spent
    # A call keeps its connection only after it has waited for it.
    own = own_share(before.calling - before.call_wait, after.calling - after.call_wait)
    yield Queues(contrast.grew("call_wait"), own)


def sentence(_: Cause, scene: Scene) -> str:
    """Return how long a request waits for a connection."""
    waited_s = scene.loaded.spending.call_wait if scene.loaded.spending else 0.0
    return f"the number of outbound connections is the limit: a request waits {duration_ms(waited_s * 1000)} ms for one"


def evidence(_: Cause, scene: Scene) -> Iterator[str]:
    """Yield how long a call keeps a connection."""
    yield f"with one user a call keeps it for {duration_ms(scene.demands.call * 1000)} ms"


rule: Final = CauseRule(
    name="outbound limit",
    condition=condition,
    sentence=sentence,
    evidence=evidence,
    advice="Raise the connection limit of the client session.",
)
