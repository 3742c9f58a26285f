"""Database pool: requests wait for one of the pool's C connections. Throughput cannot exceed C/S.

S is how long a request keeps its connection. Where requests keep connections longer than without load, the rest of the
queue is charged to the neighbour that answers late.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.causes.cause import Cause, CauseRule, Prediction, Scene
from harness.causes.charge import SELDOM, Contrast, Queues
from harness.causes.prediction import doubled
from harness.causes.rules.kept_too_long import kept
from harness.stats.figures import duration_ms

DRIVERS: Final = frozenset({"asyncpg", "psycopg"})


def condition(contrast: Contrast) -> Iterator[Queues]:
    """Yield the queue for a connection. The pool's own share is what remains if connections are kept no longer."""
    if any(limit.place.library in DRIVERS for limit in kept(contrast)):
        return  # a connection that is kept without use is another fault
    own = contrast.own_share("leased") if contrast.loaded.pool_full >= SELDOM else 0.0
    yield Queues(contrast.grew("lease_wait"), own)


def sentence(_: Cause, scene: Scene) -> str:
    """Return how often all connections were in use."""
    loaded = scene.loaded
    return (
        f"the database pool is the limit: all {loaded.pool_size} connections were in use in {loaded.pool_full:.0%} of "
        "the readings"
    )


def evidence(_: Cause, scene: Scene) -> Iterator[str]:
    """Yield how long a request waits for a connection, and how long it keeps one."""
    if spent := scene.loaded.spending:
        yield f"a request waits {duration_ms(spent.lease_wait * 1000)} ms for a connection"
    yield f"with one user a request keeps it for {duration_ms(scene.demands.lease * 1000)} ms"


def prediction(_: Cause, scene: Scene) -> Prediction:
    """Return what a pool of twice the size should bring."""
    return doubled(scene, "pool_size", "pool size")


rule: Final = CauseRule(
    name="database pool",
    condition=condition,
    sentence=sentence,
    evidence=evidence,
    advice="Enlarge the pool, as far as the database has cores to run more statements at a time.",
    prediction=prediction,
)
