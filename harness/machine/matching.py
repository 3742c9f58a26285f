"""Which facts of two machines must be the same before figures of both may stand beside each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

MUST_MATCH: Final = (
    *("cpu", "cores", "threads_a_core", "cpu_quota", "memory_gib", "system", "governor"),
    *("virtualised", "python", "gil"),
)


def differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """(fact, before, after) for each fact of two machines that makes figures of one no figures of the other."""
    pairs = [(fact.replace("_", " "), before.get(fact), after.get(fact)) for fact in MUST_MATCH]
    old, new = before.get("packages", {}), after.get("packages", {})
    pairs += [(package, old.get(package), new.get(package)) for package in dict.fromkeys([*old, *new])]
    return [(fact, was, now) for fact, was, now in pairs if was != now]
