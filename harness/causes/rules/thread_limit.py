"""Thread limit: requests wait for one of the T threads of the pool. Throughput cannot exceed T/S.

S is how long a request keeps its thread. Where requests keep threads longer than without load, the limit is charged
only with the share of the queue that would exist otherwise. The rest is charged to whatever prolongs the work in a
thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.causes.cause import Cause, CauseRule, Prediction, Scene
from harness.causes.charge import SELDOM, Contrast, Queues, own_share
from harness.causes.prediction import doubled
from harness.stats.figures import duration_ms


def condition(contrast: Contrast) -> Iterator[Queues]:
    """Yield the queue for a thread. The limit's own share is what remains if threads are kept no longer."""
    before, after, loaded = contrast.unloaded, contrast.spent, contrast.loaded
    queued_s = contrast.grew("queued")
    if not before.hops:
        yield Queues(queued_s, own=0.0, rest="nobody")
        return
    kept_before_s = (before.queued + before.served + before.returned) / before.hops
    # A hop also waits for its thread to wake up; it waits for a token only where all tokens are taken.
    own = own_share(kept_before_s, loaded.token_s or kept_before_s) if loaded.tokens_full >= SELDOM else 0.0
    kept_longer_s = max(0.0, (loaded.token_s or 0.0) - kept_before_s) * after.hops
    yield Queues(queued_s, own, "inside" if after.served > before.served else "loop", kept_longer_s)


def sentence(_: Cause, scene: Scene) -> str:
    """Return how often all threads were taken."""
    loaded = scene.loaded
    return (
        f"requests queue for a thread: in {loaded.tokens_full:.0%} of the readings all {loaded.tokens} threads were "
        "taken and requests waited"
    )


def evidence(_: Cause, scene: Scene) -> Iterator[str]:
    """Yield how long a request waits for a thread, and how long it keeps one."""
    if spent := scene.loaded.spending:
        yield f"a request waits {duration_ms(spent.queued * 1000)} ms for a thread"
    yield f"with one user a request keeps it for {duration_ms(scene.demands.thread * 1000)} ms"


def prediction(_: Cause, scene: Scene) -> Prediction:
    """Return what twice the threads should bring."""
    return doubled(scene, "threads", "thread tokens")


rule: Final = CauseRule(
    name="thread limit",
    condition=condition,
    sentence=sentence,
    evidence=evidence,
    advice="Allow more thread tokens, or write handlers that await instead of waiting in a thread.",
    prediction=prediction,
)
