"""Deadlock: some requests hold what others wait for, and wait for what those hold.

With P connections and T threads, a request that keeps a connection while it needs another thread deadlocks from P + T
users on: T of them wait in threads for a connection, and P keep one and wait for a thread (N − P ≥ T).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.causes.cause import Cause, CauseRule, Scene
from harness.causes.symptoms import Symptoms
from harness.causes.wait_profile import Limit, SiteTime

STANDSTILL_S: Final = 2.0
FULL: Final = 0.9
MOSTLY: Final = 0.5


def standstill(loaded: Symptoms) -> bool:
    """Return whether the server answered nothing for a while, and those who hold something wait for the others."""
    if loaded.idle_s <= STANDSTILL_S:
        return False
    return min(loaded.tokens_full, loaded.pool_full) >= FULL or entangled(loaded) is not None


def entangled(loaded: Symptoms) -> Limit | None:
    """Return the place whose holders wait themselves: for a thread, or at a place; None where there is none."""
    for limit in loaded.limits:
        at_places = sum(each.seconds for each in limit.place.holders if each.state == "place")
        if limit.stuck + at_places / limit.place.holding >= MOSTLY:
            return limit
    return None


def sentence(_: Cause, scene: Scene) -> str:
    """Return for how long nothing was answered, and what the two sides wait for."""
    return sentence_of(scene.loaded)


def sentence_of(loaded: Symptoms) -> str:
    """Return for how long nothing was answered, and what the two sides wait for."""
    silence = f"deadlock: nothing was answered for {loaded.idle_s:.0f} s"
    limit = entangled(loaded)
    if limit is None:
        return f"{silence}, and all thread tokens and all database connections are taken"
    site, waiting = limit.place.site, _standing_at(loaded.standing, limit)
    others = (
        "for a thread"
        if limit.stuck >= MOSTLY
        else f"at {limit.kept_at}, in {limit.kept_at.function}"
        if limit.kept_at
        else "for others"
    )
    return (
        f"{silence}: {waiting:.0f} requests wait at {site}, in {site.function}, for what {limit.capacity:.0f} others "
        f"hold, and those wait {others}"
    )


def _standing_at(standing: tuple[SiteTime, ...], limit: Limit) -> float:
    line = limit.place.site.file, limit.place.site.line
    return sum(each.seconds for each in standing if (each.site.file, each.site.line) == line)


def evidence(cause: Cause, scene: Scene) -> Iterator[str]:
    """Yield the source line, and the number of users at which the deadlock begins."""
    limit = entangled(scene.loaded)
    if limit is None:
        return
    yield limit.place.site.source
    if limit.stuck >= MOSTLY and limit.place.site.pool:
        threads = scene.loaded.tokens
        begins = round(limit.capacity) + threads
        yield (
            f"it begins at about {begins} users: {threads} threads and {limit.capacity:.0f} that hold one (N − P ≥ T)"
        )


rule: Final = CauseRule(
    name="deadlock",
    standstill=standstill,
    sentence=sentence,
    evidence=evidence,
    advice=(
        "Take it and give it back in the same function, so that a request that holds it needs no second thread; or "
        "allow as many as there are threads."
    ),
)
