"""CPU: requests queue for the server's core. Throughput cannot pass X ≤ 1/c of the CPU time c a request.

This cause is charged with the CPU time that no other cause accounts for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.causes.cause import Cause, CauseRule, Prediction, Scene
from harness.causes.charge import BUSY_CORE, Contrast, FillsCore
from harness.causes.prediction import doubled
from harness.causes.rules.gil import computing_line

MOSTLY_THREADS: Final = 0.7


def condition(contrast: Contrast) -> Iterator[FillsCore]:
    """Yield a charge for the rest of the core where the server's process keeps a core busy."""
    if contrast.loaded.process_cpu >= BUSY_CORE:
        yield FillsCore()


def sentence(_: Cause, scene: Scene) -> str:
    """Return how busy the core was, and how much CPU time a request costs."""
    cost_us = scene.demands.processor * 1e6
    busy = scene.loaded.process_cpu
    return f"requests queue for the server's core, which was {busy:.0%} busy: each costs {cost_us:,.0f} µs of CPU"


def evidence(_: Cause, scene: Scene) -> Iterator[str]:
    """Yield which threads used the core."""
    loaded = scene.loaded
    yield f"the loop's thread used {loaded.loop_cpu:.0%} of a core, the other threads {loaded.others_cpu:.0%}"
    line = computing_line(loaded)
    if loaded.others_cpu >= MOSTLY_THREADS and line is not None:
        yield f"most threads stand at {line}, in {line.function}, which releases the GIL: more cores help"


def prediction(_: Cause, scene: Scene) -> Prediction:
    """Return what twice the workers should bring on the server's present cores."""
    return doubled(scene, "workers", "workers", f" on {scene.cores} core{'s' if scene.cores > 1 else ''}")


rule: Final = CauseRule(
    name="CPU",
    condition=condition,
    sentence=sentence,
    evidence=evidence,
    advice="Do less work in each request, or run more workers with a core for each.",
    prediction=prediction,
)
