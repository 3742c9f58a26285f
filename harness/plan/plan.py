"""The plan of what will be measured: a pure value, made from the workloads, the options and a seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bench_app.workload import Claim, Kind, Need, Package, Request
from harness.plan.knobs import varied
from harness.plan.level import Level

MAX_BLOCKS: Final = 1_000
DRAIN_S: Final = 15.0
"""The longest wait for the requests in flight at the end of a trial's window."""

MARGIN: Final = 0.05
LOOK_EVERY: Final = 2
"""After this many further blocks, an interim look decides whether a comparison is precise enough."""


@dataclass(frozen=True, slots=True)
class PlannedVariant:
    """A variant as the run recorded it.

    `against` is the variant that it is compared with, None where there is none. `origin` is the server that receives
    its requests, as in http://host:port; None for the server that the run starts. `kind` is None for an address whose
    implementation is unknown.
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
    """Two variants of a workload that are compared."""

    workload: str
    baseline: str
    contender: str


@dataclass(frozen=True, slots=True)
class Window:
    """The phases of a trial in seconds: the warm-up, the window that counts, and the longest wait after it."""

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

    `margin` is the smallest difference that is worth a verdict, as a share. The trials of a pilot last `pilot_s` (0: no
    pilot). The pilot may lengthen a window up to `longest_s`, as long as the session stays within `budget_s`. The run
    measures from `blocks` to `max_blocks` blocks. Where `iso_share` is not 0, it then offers both variants of each
    workload's pair that share of the slower one's capacity.

    `probe` collects telemetry from the server. `diagnose` first profiles every variant on an instrumented server: with
    one user, and for `diagnose_s` at each level. These trials then serve as the pilot.
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
        """Every comparison of the run: each variant with its rival, and the pairs of the claims."""
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
        """The pair of each workload for the step at an equal rate: sync and async where it exists, else the first."""
        # With several settings of the server, the slower variant and its capacity may differ between them.
        if not self.iso_share or self.levels[0].rate_rps is not None or varied(each.knobs for each in self.levels):
            return ()
        chosen: dict[str, Pair] = {}
        for pair in self.pairs:
            if pair.workload not in chosen or (pair.baseline, pair.contender) == ("sync", "async"):
                chosen[pair.workload] = pair
        return tuple(chosen.values())


def unloaded_of(level: Level) -> Level:
    """Return the level of one user on the same setting of the server, where no other request delays a response."""
    return Level(1, knobs=level.knobs)
