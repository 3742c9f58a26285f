"""Small pieces: an answer is sent in many small pieces, and each costs as much as a small answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.causes.cause import Cause, CauseRule, Scene
from harness.causes.charge import BUSY_CORE, Contrast, Occupies
from harness.causes.rules.thread_hops import needless

MANY: Final = 50
SMALL_BYTES: Final = 4_096


def condition(contrast: Contrast) -> Iterator[Occupies]:
    """Yield the CPU time of the answers, where the core is busy and they come in many small pieces."""
    if contrast.loaded.process_cpu >= BUSY_CORE and applies(contrast):
        share = contrast.spent.computing * contrast.loaded.throughput_rps
        yield Occupies(share, computes=share)


def applies(contrast: Contrast) -> bool:
    """Return whether answers come in many small pieces, and not each of them through a thread."""
    spent = contrast.spent
    hops = sum(each.hops for each in needless(contrast.loaded)) / spent.requests
    return spent.pieces >= MANY and spent.piece_bytes <= SMALL_BYTES and hops < spent.pieces / 2


def sentence(_: Cause, scene: Scene) -> str:
    """Return how many pieces an answer has, and how large they are."""
    spent = scene.loaded.spending
    pieces, size = (spent.pieces, spent.piece_bytes) if spent else (0.0, 0.0)
    return f"each answer is sent in {pieces:,.0f} pieces of {size:,.0f} bytes, and each piece costs the loop a write"


def evidence(_: Cause, scene: Scene) -> Iterator[str]:
    """Yield what a request costs."""
    yield f"a request costs {scene.demands.processor * 1e6:,.0f} µs of CPU"


rule: Final = CauseRule(
    name="small pieces",
    condition=condition,
    sentence=sentence,
    evidence=evidence,
    advice="Join the pieces before they are sent: 64 KiB at a time, or the whole answer where it fits into memory.",
)
