"""What will be measured, in which order: a pure value, made from the workloads, the options and a seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bench_app.workload import Claim, Kind, Need, Package, Request
from harness.plan.knobs import varied
from harness.plan.level import Level

MAX_BLOCKS: Final = 1_000
DRAIN_S: Final = 15.0
"""The longest that a trial waits for what is in flight at the end of its window."""

MARGIN: Final = 0.05
LOOK_EVERY: Final = 2
"""After so many further blocks a comparison is looked at again, whether it is precise enough."""


@dataclass(frozen=True, slots=True)
class PlannedVariant:
    """A variant as the run recorded it; `against` is the variant that it is compared with, None where it is not.

    `origin` is the server that is asked for it, as in http://host:port; None for the one that the run starts itself.
    `kind` is None for an address of which nobody knows what is behind it.
    """

    name: str
    kind: Kind | None
    path: str
    against: str | None
    description: str
    source: str
    origin: str | None = None


@dataclass(frozen=True, slots=True)
class PlannedWorkload:
    """A workload as the run recorded it, so that its report needs no workload file."""

    name: str
    question: str
    requests: tuple[Request, ...]
    wait_s: float | None
    outbound: bool
    needs: frozenset[Need]
    statement: str | None
    claims: tuple[Claim, ...]
    variants: tuple[PlannedVariant, ...]
    adjustable: bool = False


@dataclass(frozen=True, slots=True)
class Pair:
    """Two variants of a workload, compared."""

    workload: str
    baseline: str
    contender: str


@dataclass(frozen=True, slots=True)
class Window:
    """How long a trial is, in seconds: what precedes the counting, the counting, the longest wait after it."""

    warmup_s: float
    window_s: float
    drain_s: float = DRAIN_S


@dataclass(frozen=True, slots=True)
class Trial:
    """One variant under one level for one window. `number` is its place in the session, from 1; `block` from 0."""

    number: int
    block: int
    workload: str
    variant: str
    level: Level

    @property
    def name(self) -> str:
        return f"{self.workload}/{self.variant}"


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole session, as it was decided beforehand. Times are in seconds.

    `margin` is the smallest difference that is worth a verdict. The trials of a pilot last `pilot_s` (0: no pilot); it
    may lengthen a window up to `longest_s` while the session stays within `budget_s`. From `blocks` to `max_blocks` are
    measured. Where `iso_share` is not 0, the pair of each workload is then offered that share of the slower one's
    capacity.

    `probe` collects telemetry from the server. To `diagnose`, every variant is first loaded for `diagnose_s` at each
    level, and by one user, on an instrumented server; these trials then serve as the pilot.
    """

    profile: str
    seed: int
    blocks: int
    warmup_s: float
    window_s: float
    levels: tuple[Level, ...]
    workloads: tuple[PlannedWorkload, ...]
    margin: float = MARGIN
    load_processes: int = 1
    iso_share: float = 0.0
    max_blocks: int = 0
    fresh_server: bool = False
    pilot_s: float = 0.0
    longest_s: float = 0.0
    budget_s: float = 0.0
    package: Package = "workloads"
    probe: bool = False
    diagnose: bool = False
    diagnose_s: float = 0.0

    @property
    def most_blocks(self) -> int:
        return max(self.blocks, self.max_blocks)

    @property
    def needs(self) -> frozenset[Need]:
        return frozenset(need for workload in self.workloads for need in workload.needs)

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """Every comparison that the run makes: each variant with its rival, and what the claims ask for besides."""
        pairs: dict[Pair, None] = {}
        for workload in self.workloads:
            for variant in workload.variants:
                if variant.against is not None:
                    pairs[Pair(workload.name, variant.against, variant.name)] = None
            for claim in workload.claims:
                pairs[Pair(workload.name, claim.baseline, claim.contender)] = None
        return tuple(pairs)

    @property
    def iso_pairs(self) -> tuple[Pair, ...]:
        """The pair of each workload that takes the step at an equal rate: async and sync, or else its first."""
        # With several settings of the server, the slower twin of which would it be?
        if not self.iso_share or self.levels[0].rate_rps is not None or varied(each.knobs for each in self.levels):
            return ()
        chosen: dict[str, Pair] = {}
        for pair in self.pairs:
            if pair.workload not in chosen or (pair.baseline, pair.contender) == ("sync", "async"):
                chosen[pair.workload] = pair
        return tuple(chosen.values())


def unloaded_of(level: Level) -> Level:
    """One user on the same setting of the server: what a request takes where nothing is in its way."""
    return Level(1, knobs=level.knobs)
