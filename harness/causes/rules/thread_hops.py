"""Thread hops: requests go through a thread for work that takes less time than the way there and back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.causes.cause import Cause, CauseRule, Scene
from harness.causes.charge import BUSY_CORE, Contrast, Occupies
from harness.causes.symptoms import Symptoms
from harness.record.telemetry import Callee

STEPS_A_HOP: Final = 3
"""A hop adds these steps to a task: anyio's checkpoint, the wait for a token, and the wait for the thread."""
TRIVIAL_NS: Final = 500_000
HANDLER: Final = frozenset({"_run_sync_endpoint", "run_endpoint_function"})
"""FastAPI's names for a hop that runs a def handler."""
MODEL: Final = ("ModelField.", "serialize_response")
"""How the names of FastAPI's hops begin that check the answer of a def handler against its response model."""
SHARE: Final = 0.2


def condition(contrast: Contrast) -> Iterator[Occupies]:
    """Yield the share of the core that needless hops take, where the core is busy."""
    loaded, spent = contrast.loaded, contrast.spent
    hops = sum(each.hops for each in needless(loaded)) / spent.requests
    if loaded.process_cpu < BUSY_CORE or hops < 1 or not spent.hops:
        return
    # A hop computes on the loop in its steps, and in its thread around the call itself.
    on_loop_s = spent.computing * min(1.0, STEPS_A_HOP * spent.hops / spent.steps) if spent.steps else 0.0
    in_threads_s = max(0.0, loaded.others_cpu / loaded.throughput_rps - spent.hop_computing)
    share = loaded.throughput_rps * (on_loop_s + in_threads_s) * hops / spent.hops
    if share >= SHARE:
        yield Occupies(min(share, loaded.process_cpu), computes=min(share, loaded.process_cpu))


def needless(loaded: Symptoms) -> list[Callee]:
    """Return the functions that threads run for less than 0.5 ms, without a def handler and its response model."""
    return [
        each
        for each in loaded.callees
        if each.hops
        and each.served < TRIVIAL_NS * each.hops
        and each.callee not in HANDLER
        and not each.callee.startswith(MODEL)
        and each.callee != loaded.route.rpartition("/")[2]
    ]


def sentence(_: Cause, scene: Scene) -> str:
    """Return how many threads a request goes through for nothing, and for which functions."""
    found = sorted(needless(scene.loaded), key=lambda each: -each.hops)
    requests = scene.loaded.spending.requests if scene.loaded.spending else 1
    hops = sum(each.hops for each in found) / requests
    names = ", ".join(f"{each.callee} ({each.hops / requests:,.0f})" for each in found[:4])
    return f"each request goes through a thread {hops:,.0f} times for work that takes microseconds: {names}"


def evidence(_: Cause, scene: Scene) -> Iterator[str]:
    """Yield what a request costs, and whose threads it needs."""
    yield f"a request costs {scene.demands.processor * 1e6:,.0f} µs of CPU, mostly to hand work over and back"
    if scene.loaded.spending and scene.loaded.spending.coroutine > SHARE:
        yield "the handler is async def, and still needs a thread: a busy pool would delay it"


rule: Final = CauseRule(
    name="thread hops",
    condition=condition,
    sentence=sentence,
    evidence=evidence,
    advice=(
        "Write these dependencies as async def (a class counts as def), and stream from an asynchronous generator in "
        "larger pieces."
    ),
)
