"""What theory allows a variant at a level: the line that a measured throughput is held against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bench_app.settings import THREAD_TOKENS, Settings
from harness.level import Level
from harness.plan import PlannedVariant, PlannedWorkload

OUTBOUND_CONNECTIONS: Final = Settings().outbound_size
"""The size of both outbound pools, aiohttp's connector and requests' adapter."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A throughput that cannot be passed, in requests a second, the formula it came from, and what sets it."""

    rps: float
    formula: str
    limit: str


def bound(workload: PlannedWorkload, variant: PlannedVariant, level: Level) -> Bound | None:
    """The bound for a declared wait S with N users: N/S when awaited, min(N, 40)/S in threads, 1/S on the loop.

    With a think time Z it is never more than N/(S + Z).

    None for a workload that declares no wait.
    """
    if not workload.wait_s:
        return None
    wait_ms = f"{workload.wait_s * 1000:g} ms"
    # What the users ask for at most, and what may be under way at a time; the smaller of the two rates is the bound.
    cycle_s = workload.wait_s + level.think_s
    think = f" + {level.think_s * 1000:g} ms think time" if level.think_s else ""
    asked = Bound(
        level.users / cycle_s,
        f"{level.users} / ({wait_ms}{think})" if think else f"{level.users} / {wait_ms}",
        "each user waits for its own answer",
    )
    slots, limit = None, ""
    if variant.kind == "blocking":
        slots, limit = 1, "the event loop waits for one request at a time"
    elif variant.kind in ("sync", "offload"):
        slots, limit = THREAD_TOKENS, f"the thread pool has {THREAD_TOKENS} threads"
    elif workload.outbound:
        slots, limit = OUTBOUND_CONNECTIONS, f"the outbound pool has {OUTBOUND_CONNECTIONS} connections"
    if slots is None or slots / workload.wait_s >= asked.rps:
        return asked
    return Bound(slots / workload.wait_s, f"{slots} / {wait_ms}", limit)
