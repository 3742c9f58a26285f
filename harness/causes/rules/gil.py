"""Threads hold the GIL: worker threads compute, and the event loop waits for the GIL and the core."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.causes.cause import Cause, CauseRule, Scene
from harness.causes.charge import BUSY_CORE, Contrast, Occupies
from harness.causes.rules.loop_blocked import wait_for_loop

THREADS_COMPUTE: Final = 0.7
STARVED_S: Final = 0.002


def condition(contrast: Contrast) -> Iterator[Occupies]:
    """Yield what the threads compute, where they fill most of a busy core and the loop is late."""
    loaded = contrast.loaded
    if loaded.process_cpu >= BUSY_CORE and loaded.others_cpu >= THREADS_COMPUTE and loaded.lag_s >= STARVED_S:
        yield Occupies(loaded.others_cpu, computes=loaded.others_cpu)


def sentence(_: Cause, scene: Scene) -> str:
    """Return how much the threads compute."""
    return (
        f"worker threads compute: they use {scene.loaded.others_cpu:.0%} of a core, and the event loop waits for the "
        "GIL and the core"
    )


def evidence(_: Cause, scene: Scene) -> Iterator[str]:
    """Yield how much CPU is left for the loop, and how long requests wait for it."""
    yield f"the loop's thread got {scene.loaded.loop_cpu:.0%} of a core"
    yield wait_for_loop(scene)


rule: Final = CauseRule(
    name="threads hold the GIL",
    condition=condition,
    sentence=sentence,
    evidence=evidence,
    advice="Move the computing to other processes, or do less of it in each request.",
)
