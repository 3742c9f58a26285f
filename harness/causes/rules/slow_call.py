"""Slow call: a line of the application waits longer than without load for something that nothing else explains.

It may be a neighbour whose library no adapter knows, or a lock that no call tells of. The line is all that is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.causes.cause import Cause, CauseRule, Scene
from harness.causes.charge import Contrast, Slows
from harness.record.telemetry import WaitSite
from harness.stats.figures import duration_ms

LONGER: Final = 0.25
COMPUTING: Final = 0.5
CROWDED: Final = 0.5
MEASURED: Final = ("lease_wait", "leased", "connecting", "calling")
"""What adapters measure; it has rules of its own."""


def condition(contrast: Contrast) -> Iterator[Slows]:
    """Yield each line that waits longer, less what the adapters measured."""
    known_s = sum(contrast.grew(part) for part in MEASURED)
    in_threads_s = contrast.grew("served") + _executors_grew(contrast)
    for site, before_s, now_s in _waits(contrast):
        grew_s = now_s - before_s - contrast.loaded.lag_s
        if site.state == "thread":
            # The samples say where; how long calls in threads take is known exactly.
            grew_s = min(grew_s, in_threads_s)
            in_threads_s -= max(0.0, grew_s)
        if grew_s < LONGER * before_s:
            continue
        left_s = max(0.0, grew_s - known_s)
        known_s = max(0.0, known_s - grew_s)
        # A line at which requests rarely stand two at a time is not made slow by their number.
        crowded = contrast.loaded.throughput_rps * now_s >= CROWDED
        if left_s >= LONGER * grew_s and crowded:
            yield Slows(left_s, site=site)


def _executors_grew(contrast: Contrast) -> float:
    """Return how many more seconds a request uses the threads of executors under load than without."""
    before = {each.pool: each.served for each in (contrast.alone.executors if contrast.alone else ())}
    return sum(max(0.0, each.served - before.get(each.pool, 0.0)) for each in contrast.loaded.executors)


def _waits(contrast: Contrast) -> Iterator[tuple[WaitSite, float, float]]:
    """Yield each line at which requests await something, or wait in a thread, with its time without and under load."""
    before = {_line(each.site): each.seconds for each in (contrast.alone.sites if contrast.alone else ())}
    # Threads that compute wait for nothing but the core and the GIL.
    computing = contrast.spent.hop_computing >= COMPUTING * contrast.spent.served
    for each in contrast.loaded.sites:
        if each.site.own and (each.site.state == "await" or (each.site.state == "thread" and not computing)):
            yield each.site, before.get(_line(each.site), 0.0), each.seconds


def _line(site: WaitSite) -> tuple[str, int, str]:
    return site.file, site.line, site.call


def sentence(cause: Cause, _: Scene) -> str:
    """Return the line that waits, and in which call."""
    site = cause.waits_at
    where = f"{site}, in {site.function} ({site.call})" if site else "a line of the application"
    return f"what a request waits for at {where} takes longer than with one user"


def evidence(cause: Cause, scene: Scene) -> Iterator[str]:
    """Yield the source line, and how long it takes under load and without."""
    site = cause.waits_at
    if site is None:
        return
    yield site.source
    now_s = sum(each.seconds for each in scene.loaded.sites if _line(each.site) == _line(site))
    then_s = sum(each.seconds for each in scene.alone.sites if _line(each.site) == _line(site))
    yield f"{duration_ms(now_s * 1000)} ms, and {duration_ms(then_s * 1000)} ms unloaded"


rule: Final = CauseRule(
    name="slow call",
    condition=condition,
    sentence=sentence,
    evidence=evidence,
    advice="Look at what this line calls: a slower neighbour, or something that requests have one at a time.",
)
