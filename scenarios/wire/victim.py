"""A victim: a client that asks the same server for something trivial meanwhile, and what it feels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from scenarios.wire.histogram import Distribution, bin_of, merge

VictimName = Literal["async_warm", "async_cold", "sync_warm", "sync_cold"]
VICTIMS: Final[tuple[VictimName, ...]] = get_args(VictimName)


@dataclass(frozen=True, slots=True)
class VictimSpec:
    """One victim: it probes a trivial endpoint `rate_rps` times a second, on new connections if `cold`."""

    name: VictimName
    path: str
    cold: bool
    rate_rps: float


@dataclass(frozen=True, slots=True)
class Victim:
    """The results of one victim. A latency counts from the time at which the probe was due.

    Attributes:
        latency: the latencies of all probes that were answered with status 200 or never answered.
        censored: those of them that still waited when the load ended. Each would have been longer under load, so it is
            a lower bound.
        failures: the probes without an answer of status 200, by cause.
        probes: the latencies one by one, as (due time in ms after the opening of the window, latency in µs).
    """

    latency: Distribution = field(default_factory=Distribution)
    censored: Distribution = field(default_factory=Distribution)
    failures: dict[str, int] = field(default_factory=dict)
    probes: tuple[tuple[int, int], ...] = ()

    def percentile_us(self, percent: float) -> float | None:
        """Return the latency, in µs, that `percent` (0 to 100) of the probes do not exceed, or None without probes."""
        return self.latency.percentile_us(percent)

    def is_lower_bound(self, percent: float) -> bool:
        """Return whether this percentile is a lower bound: a probe at or below it still waited when the load ended."""
        value_us = self.latency.percentile_us(percent)
        if not self.censored.n or value_us is None:
            return False
        # A percentile is known to its bin, and no better.
        return bin_of(self.censored.min_us) <= bin_of(int(value_us))


def merged_victims(parts: Iterable[Mapping[VictimName, Victim]]) -> dict[VictimName, Victim]:
    """Return the results of each victim, merged over all parts."""
    found: dict[VictimName, list[Victim]] = {}
    for part in parts:
        for name, victim in part.items():
            found.setdefault(name, []).append(victim)
    return {
        name: Victim(
            latency=merge(victim.latency for victim in victims),
            censored=merge(victim.censored for victim in victims),
            failures=added_counts(victim.failures for victim in victims),
            probes=tuple(probe for victim in victims for probe in victim.probes),
        )
        for name, victims in found.items()
    }


def added_counts(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    """Add the counts of several load processes, key by key."""
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return dict(total)
