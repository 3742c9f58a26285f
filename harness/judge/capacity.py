"""The capacity of each variant within an objective: every probe of the search, and the estimate from them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from pydantic import TypeAdapter, ValidationError

from bench_app.workload import Kind
from harness.exceptions import BadInputError
from harness.judge.objective import Objective
from harness.judge.verdict import Verdict, verdict
from harness.machine.core import FULL_CORE
from harness.machine.machine import Machine
from harness.stats.bisection import RESOLUTION
from harness.stats.estimate import Estimate, geometric_mean, ratio, widened

FILE: Final = "capacity.json"


@dataclass(frozen=True, slots=True)
class Probe:
    """One trial of the search. `broken` says why the variant missed the objective; None where it met it.

    `observed_ms` is the objective's percentile, None where it lies among failures. `client_cpu` is the share of its
    core that the load generator used.
    """

    repeat: int
    rate_rps: float
    served_rps: float
    observed_ms: float | None
    bystander_p99_ms: float | None
    requests: int
    client_cpu: float
    broken: str | None


@dataclass(frozen=True, slots=True)
class VariantCapacity:
    """The searches of one variant, one a repeat. `found_rps` holds the result of each; None where no rate met it."""

    variant: str
    kind: Kind | None
    against: str | None
    problems: tuple[str, ...]
    probes: tuple[Probe, ...]
    found_rps: tuple[float | None, ...]

    @property
    def estimate(self) -> Estimate | None:
        """The geometric mean of the repeats with its 95 % interval, no narrower than the search can resolve."""
        found = [rate_rps for rate_rps in self.found_rps if rate_rps is not None]
        estimate = geometric_mean(found) if len(found) == len(self.found_rps) else None
        return None if estimate is None else widened(estimate, RESOLUTION / 2)

    @property
    def client_limited(self) -> bool:
        """Whether a probe may have missed the objective because of the load generator."""
        return any(probe.broken is not None and probe.client_cpu >= FULL_CORE for probe in self.probes)

    @property
    def unmet(self) -> bool:
        return any(rate_rps is None for rate_rps in self.found_rps)

    @property
    def breaks(self) -> str | None:
        """What happened at the lowest rate of the last repeat that missed the objective."""
        last = [probe for probe in self.probes if probe.repeat == len(self.found_rps) and probe.broken is not None]
        return min(last, key=lambda probe: probe.rate_rps).broken if last else None


@dataclass(frozen=True, slots=True)
class Capacities:
    """A whole search: each variant of a workload under one objective, with at most `connections` requests in flight."""

    schema: Literal[1]
    workload: str
    question: str
    objective: Objective
    arrivals: str
    connections: int
    repeats: int
    window_s: float
    seed: int
    margin: float
    started: datetime
    command: str
    machine: Machine
    placement: str
    variants: tuple[VariantCapacity, ...]

    def compared(self) -> tuple[tuple[VariantCapacity, VariantCapacity, Estimate | None, Verdict], ...]:
        """Return (contender, baseline, ratio of their capacities, verdict) for each variant with a baseline."""
        by_name = {variant.variant: variant for variant in self.variants}
        return tuple(
            (contender, baseline, estimate, verdict(estimate, margin=self.margin, valid=_valid(contender, baseline)))
            for contender in self.variants
            if contender.against is not None and (baseline := by_name.get(contender.against)) is not None
            for estimate in [_ratio(contender, baseline)]
        )


def _valid(*variants: VariantCapacity) -> bool:
    return not any(variant.problems or variant.client_limited for variant in variants)


def _ratio(contender: VariantCapacity, baseline: VariantCapacity) -> Estimate | None:
    pairs = zip(contender.found_rps, baseline.found_rps, strict=False)
    both = [(ours, theirs) for ours, theirs in pairs if ours is not None and theirs is not None]
    estimate = ratio([ours for ours, _ in both], [theirs for _, theirs in both])
    return None if estimate is None else widened(estimate, RESOLUTION)


CAPACITIES: Final = TypeAdapter(Capacities)


def read_capacities(directory: Path) -> Capacities:
    """Return the search that the directory holds.

    Raises:
        BadInputError: its file is damaged.
    """
    path = directory / FILE
    try:
        return CAPACITIES.validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise BadInputError(
            f"{path} is damaged or of another version: search again ({type(error).__name__})."
        ) from None
