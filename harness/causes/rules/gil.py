"""Threads hold the GIL: worker threads compute, and the event loop waits for the GIL.

A thread that waits for the GIL sleeps, and one that waits for a core is in the run queue. So work that releases the GIL
shows the loop in the run queue for most of the time (77 %), and work that keeps it does not (8 to 10 %). Python without
a GIL does not have this cause.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.causes.cause import Cause, CauseRule, Scene
from harness.causes.charge import BUSY_CORE, Contrast, Occupies
from harness.causes.rules.loop_blocked import wait_for_loop
from harness.causes.symptoms import Symptoms
from harness.record.telemetry import WaitSite

THREADS_COMPUTE: Final = 0.7
STARVED_S: Final = 0.002
IN_RUN_QUEUE: Final = 0.4
"""From this share of the time on, the loop waits for a core and not for the GIL."""


def condition(contrast: Contrast) -> Iterator[Occupies]:
    """Yield what the threads compute, where they fill most of a busy core and the loop is late and asleep."""
    loaded = contrast.loaded
    if not loaded.gil or (loaded.run_delay or 0.0) >= IN_RUN_QUEUE:
        return
    if loaded.process_cpu >= BUSY_CORE and loaded.others_cpu >= THREADS_COMPUTE and loaded.lag_s >= STARVED_S:
        yield Occupies(loaded.others_cpu, computes=loaded.others_cpu)


def sentence(_: Cause, scene: Scene) -> str:
    """Return how much the threads compute."""
    return (
        f"worker threads compute and keep the GIL: they use {scene.loaded.others_cpu:.0%} of a core, and the event "
        "loop waits for the GIL"
    )


def evidence(_: Cause, scene: Scene) -> Iterator[str]:
    """Yield how much CPU is left for the loop, and how long requests wait for it."""
    yield f"the loop's thread got {scene.loaded.loop_cpu:.0%} of a core"
    if (line := computing_line(scene.loaded)) is not None:
        yield f"most threads stand at {line}, in {line.function}: {line.source}"
    yield wait_for_loop(scene)


def computing_line(loaded: Symptoms) -> WaitSite | None:
    """Return the line of the application at which its requests spend most time in threads."""
    return next((each.site for each in loaded.sites if each.site.own and each.site.state == "thread"), None)


rule: Final = CauseRule(
    name="threads hold the GIL",
    condition=condition,
    sentence=sentence,
    evidence=evidence,
    advice="Move the computing to other processes, or do less of it in each request.",
)
