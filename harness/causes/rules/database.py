"""Database: it answers later than without load, while the server has CPU to spare."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.causes.cause import Cause, CauseRule, Scene
from harness.causes.charge import Contrast, Slows
from harness.causes.symptoms import Spending
from harness.stats.figures import duration_ms

CROWDED: Final = 0.5


def condition(contrast: Contrast) -> Iterator[Slows]:
    """Yield how much longer a request waits for statements and for new connections than without load."""
    # Requests that are rarely at the database two at a time do not make it slow.
    crowded = contrast.loaded.throughput_rps * _with_database(contrast.spent) >= CROWDED
    yield Slows(contrast.grew("leased") + contrast.grew("connecting"), own=1.0 if crowded else 0.0)


def _with_database(spent: Spending) -> float:
    return spent.leased + spent.connecting


def sentence(_: Cause, scene: Scene) -> str:
    """Return how long the database takes, under load and without."""
    assert scene.loaded.spending is not None
    assert scene.alone.spending is not None
    now_s, then_s = _with_database(scene.loaded.spending), _with_database(scene.alone.spending)
    return (
        f"the database is slow: a request spends {duration_ms(now_s * 1000)} ms in it, {duration_ms(then_s * 1000)} ms "
        "unloaded, while the server has CPU to spare"
    )


def evidence(_: Cause, scene: Scene) -> Iterator[str]:
    """Yield how much CPU the database used, where that is known."""
    if scene.loaded.database_cpu is not None:
        yield f"the database used {scene.loaded.database_cpu:.0%} of a core"


rule: Final = CauseRule(
    name="database",
    condition=condition,
    sentence=sentence,
    evidence=evidence,
    advice="Look at the database: its CPU, its locks, and how many connections are made to it.",
)
