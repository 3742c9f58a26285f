"""Executor limit: requests wait for one of the T threads of asyncio's executor, or of one of the application's own.

Throughput cannot exceed T/S, where S is how long a request keeps its thread. Where it keeps it longer than without
load, the rest of the queue is charged to whatever prolongs the work in the thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.causes.bounds import ASYNCIO
from harness.causes.cause import Cause, CauseRule, Prediction, Scene
from harness.causes.charge import Contrast, Queues, own_share
from harness.causes.prediction import doubled
from harness.causes.symptoms import Executor, Symptoms
from harness.stats.figures import duration_ms

BUSY: Final = 0.5


def condition(contrast: Contrast) -> Iterator[Queues]:
    """Yield the queue for a thread of each pool whose threads are mostly busy."""
    for pool in contrast.loaded.executors:
        if pool.busy < BUSY:
            continue
        before = _of(contrast.alone, pool.pool)
        queued_before_s, served_before_s = (before.queued, before.served) if before else (0.0, 0.0)
        own = own_share(served_before_s, pool.served)
        yield Queues(max(0.0, pool.queued - queued_before_s), own, "inside", max(0.0, pool.served - served_before_s))


def busiest(loaded: Symptoms) -> Executor | None:
    """Return the pool whose threads are busiest; None where the route uses none."""
    return max(loaded.executors, key=lambda each: each.busy, default=None)


def _of(symptoms: Symptoms | None, pool: str) -> Executor | None:
    return next((each for each in symptoms.executors if each.pool == pool), None) if symptoms else None


def sentence(_: Cause, scene: Scene) -> str:
    """Return how many threads the pool has, and how busy they are."""
    pool = busiest(scene.loaded)
    assert pool is not None
    return (
        f"requests queue for a thread of {pool.pool}, which has {pool.size} threads, "
        f"{min(1.0, pool.busy):.0%} busy with this route"
    )


def evidence(_: Cause, scene: Scene) -> Iterator[str]:
    """Yield how long a request waits for a thread and uses one, and what does not matter here."""
    pool = busiest(scene.loaded)
    assert pool is not None
    yield (
        f"a request waits {duration_ms(pool.queued * 1000)} ms for a thread and uses it for "
        f"{duration_ms(pool.served * 1000)} ms"
    )
    if pool.pool == ASYNCIO:
        yield f"the {scene.level.knobs.threads} thread tokens of def handlers are another pool and do not help here"


def prediction(_: Cause, scene: Scene) -> Prediction | None:
    """Return what an executor of twice the size should bring."""
    pool = busiest(scene.loaded)
    if pool is None or pool.pool != ASYNCIO:
        return None
    return doubled(scene, "executor", "threads of asyncio's executor")


rule: Final = CauseRule(
    name="executor limit",
    condition=condition,
    sentence=sentence,
    evidence=evidence,
    advice=(
        "Give the loop a larger executor at start-up, with loop.set_default_executor(ThreadPoolExecutor(n)), or await "
        "an asynchronous library instead of a thread."
    ),
    prediction=prediction,
)
