"""What one change should bring, by the bounds before and after it."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from harness.causes.bounds import Demands, bounds_of
from harness.causes.cause import Prediction, Scene
from harness.causes.charge import BUSY_CORE
from harness.causes.wait_profile import Limit
from harness.plan.knobs import Knobs
from harness.plan.level import Level

KnobName = Literal["threads", "pool_size", "executor", "workers"]


def doubled(scene: Scene, knob: KnobName, label: str, where: str = "") -> Prediction:
    """Return what the knob at twice its value should bring; `where` is said after it."""
    before = getattr(scene.level.knobs, knob)
    knobs = replace(scene.level.knobs, **{knob: 2 * before})
    change = f"{label} {before} → {2 * before}{where}"
    return _predicted(scene, change, replace(scene.level, knobs=knobs), scene.demands, knobs)


def rewritten(scene: Scene, change: str, demands: Demands) -> Prediction:
    """Return what a rewrite should bring that gives a request these demands."""
    return _predicted(scene, change, scene.level, demands)


def released(scene: Scene, limit: Limit | None, change: str) -> Prediction | None:
    """Return what it should bring not to keep what a place hands out while a request stands at `limit.kept_at`."""
    if limit is None or not scene.demands.place:
        return None
    return rewritten(scene, change, replace(scene.demands, place=max(0.0, limit.held_s - limit.kept_s)))


def enlarged(scene: Scene, limit: Limit | None) -> Prediction | None:
    """Return what it should bring to let twice as many requests past a place."""
    if limit is None or not scene.demands.place:
        return None
    change = f"letting {2 * limit.capacity:.0f} through instead of {limit.capacity:.0f}"
    return rewritten(scene, change, replace(scene.demands, capacity=2 * limit.capacity))


def _predicted(scene: Scene, change: str, level: Level, demands: Demands, knobs: Knobs | None = None) -> Prediction:
    before_rps = scene.bounds[0].rps
    after = bounds_of(level, demands, cores=scene.cores)
    full = scene.loaded.process_cpu >= BUSY_CORE
    free = [each for each in after if full or each.resource != "processor"]
    return Prediction(change, after[0].rps / before_rps, free[0].rps / before_rps, knobs)
