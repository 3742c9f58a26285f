"""Deadlock: threads wait for connections, and the requests that hold the connections wait for threads."""

from __future__ import annotations

from typing import Final

from harness.causes.cause import Cause, CauseRule, Scene
from harness.causes.symptoms import Symptoms

STANDSTILL_S: Final = 2.0
FULL: Final = 0.9


def standstill(loaded: Symptoms) -> bool:
    """Return whether the server answered nothing for a while, with all threads and all connections taken."""
    return loaded.idle_s > STANDSTILL_S and min(loaded.tokens_full, loaded.pool_full) >= FULL


def sentence(_: Cause, scene: Scene) -> str:
    """Return for how long nothing was answered."""
    return (
        "deadlock: all thread tokens and all database connections are taken, and nothing was answered for "
        f"{scene.loaded.idle_s:.0f} s"
    )


rule: Final = CauseRule(
    name="deadlock",
    standstill=standstill,
    sentence=sentence,
    advice="Allow as many connections as threads, or take a connection in the same function that uses it.",
)
