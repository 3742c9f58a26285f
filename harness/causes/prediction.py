"""What one change should bring, by the bounds before and after it."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from harness.causes.bounds import Demands, bounds_of
from harness.causes.cause import Prediction, Scene
from harness.causes.charge import BUSY_CORE
from harness.plan.knobs import Knobs
from harness.plan.level import Level

KnobName = Literal["threads", "pool_size", "workers"]


def doubled(scene: Scene, knob: KnobName, label: str, where: str = "") -> Prediction:
    """Return what the knob at twice its value should bring; `where` is said after it."""
    before = getattr(scene.level.knobs, knob)
    knobs = replace(scene.level.knobs, **{knob: 2 * before})
    change = f"{label} {before} → {2 * before}{where}"
    return _predicted(scene, change, replace(scene.level, knobs=knobs), scene.demands, knobs)


def rewritten(scene: Scene, change: str, demands: Demands) -> Prediction:
    """Return what a rewrite should bring that gives a request these demands."""
    return _predicted(scene, change, scene.level, demands)


def _predicted(scene: Scene, change: str, level: Level, demands: Demands, knobs: Knobs | None = None) -> Prediction:
    before_rps = scene.bounds[0].rps
    after = bounds_of(level, demands, cores=scene.cores)
    full = scene.loaded.process_cpu >= BUSY_CORE
    free = [each for each in after if full or each.resource != "processor"]
    return Prediction(change, after[0].rps / before_rps, free[0].rps / before_rps, knobs)
