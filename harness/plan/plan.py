"""What will be measured, in which order: a pure value, made from the workloads, the options and a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from bench_app.workload import Claim, Kind, Need, Package, Request
from harness.plan.knobs import Knobs, varied
from harness.plan.level import MIN_RATE, Level

MAX_BLOCKS: Final = 1_000
DRAIN_S: Final = 15.0
"""The longest that a trial waits for what is in flight at the end of its window."""

MARGIN: Final = 0.05
TRIAL_OVERHEAD_S: Final = 0.17
RESTART_S: Final = 1.3
SESSION_OVERHEAD_S: Final = 15.0
PILOT_WARMUP_S: Final = 0.2
ALONE_WARMUP_S: Final = 0.1
ALONE_S: Final = 0.3
LOOK_EVERY: Final = 2
"""After so many further blocks a comparison is looked at again, whether it is precise enough."""
MASS: Final = 1_000
"""An open-loop window should hold so many requests: on fewer there is no p99."""


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
class IsoRate:
    """A pair, and the open-loop level at which both are offered the same requests."""

    pair: Pair
    level: Level


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A variant at a level that is measured again, in turns as it was and with another setting of the server.

    `change` says what is different, `least` to `most` is the ratio of requests a second that theory says for it.
    """

    workload: str
    variant: str
    level: Level
    knobs: Knobs
    change: str
    least: float
    most: float

    @property
    def changed(self) -> Level:
        """The level with the other setting."""
        return replace(self.level, knobs=self.knobs)


@dataclass(frozen=True, slots=True)
class Window:
    """How long a trial is, in seconds: what precedes the counting, the counting, the longest wait after it."""

    warmup_s: float
    window_s: float
    drain_s: float = DRAIN_S


@dataclass(frozen=True, slots=True)
class Tuned:
    """The window that all variants of a workload have at a level, because a pilot showed that they need it."""

    workload: str
    level: Level
    window: Window


@dataclass(frozen=True, slots=True)
class Stop:
    """A workload at a level of which `blocks` are measured: then its ratios were precise enough."""

    workload: str
    level: Level
    blocks: int


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
    """A whole session. Times are in seconds; `margin` is the smallest difference that is worth a verdict.

    What is only known on the way is empty before: `tuned` after the pilot, whose trials last `pilot_s` (0: no
    pilot) and may lengthen a window up to `longest_s` while the session stays within `budget_s`; `stops` where
    fewer than `max_blocks` were enough; `confirmations`, once it is known what to change; `iso`, where `iso_share`
    is not 0: each workload's twins are at last offered that share of the slower one's capacity.

    `probe` lets the server say what goes on in it. To `diagnose`, every variant is first loaded for `diagnose_s` at
    each level, and by one user alone, on a server that keeps accounts; these trials then serve as the pilot.
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
    iso: tuple[IsoRate, ...] = ()
    max_blocks: int = 0
    fresh_server: bool = False
    pilot_s: float = 0.0
    longest_s: float = 0.0
    budget_s: float = 0.0
    package: Package = "workloads"
    tuned: tuple[Tuned, ...] = ()
    stops: tuple[Stop, ...] = ()
    probe: bool = False
    diagnose: bool = False
    diagnose_s: float = 0.0
    confirmations: tuple[Confirmation, ...] = ()

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
    def trials(self) -> tuple[Trial, ...]:
        """Every trial in the order in which it is run.

        A block holds one trial of each variant of a workload at a level, in random order; the next block of the same
        comparison runs in the reverse of that order, so that over each two blocks no variant comes earlier than
        another. Within a round, workloads and levels are shuffled. The seed decides all of it. A comparison that
        stopped has no trials after that; the others keep their numbers.
        """
        stops = {(stop.workload, stop.level): stop.blocks for stop in self.stops}
        every = self._all_trials()
        kept = [trial for trial in every if trial.block < stops.get((trial.workload, trial.level), self.most_blocks)]
        return (*kept, *self._confirming(len(every)))

    def _confirming(self, numbered: int) -> Iterator[Trial]:
        """Each confirmation's pairs, in blocks of their own, as it was and changed in turns."""
        for block in range(self.most_blocks, self.most_blocks + self.blocks if self.confirmations else 0):
            for each in self.confirmations:
                both = [each.level, each.changed]
                for level in both if block % 2 else reversed(both):
                    numbered += 1
                    yield Trial(numbered, block, each.workload, each.variant, level)

    @property
    def diagnostics(self) -> tuple[Trial, ...]:
        """The trials that diagnose: each variant alone, then at each level."""
        alone = dict.fromkeys(unloaded_of(level) for level in self.levels)
        levels = [*alone, *(level for level in self.levels if level not in alone)]
        chosen = [
            (workload.name, variant.name, level)
            for knobs in dict.fromkeys(level.knobs for level in levels)
            for workload in self.workloads
            for variant in workload.variants
            for level in levels
            if self.diagnose and level.knobs == knobs
        ]
        return tuple(Trial(number, 0, *names) for number, names in enumerate(chosen, start=1))

    def diagnostic_window(self, level: Level) -> Window:
        """How long a trial that diagnoses is."""
        if level == unloaded_of(level):
            return Window(ALONE_WARMUP_S, ALONE_S)
        return Window(PILOT_WARMUP_S, self.diagnose_s)

    def _all_trials(self) -> list[Trial]:
        draw = random.Random(self.seed)
        comparisons = [(workload, level) for workload in self.workloads for level in self.levels]
        order = {
            (workload.name, level): [variant.name for variant in workload.variants] for workload, level in comparisons
        }
        trials: list[Trial] = []
        for block in range(self.most_blocks):
            draw.shuffle(comparisons)
            for workload, level in comparisons:
                variants = order[workload.name, level]
                if block % 2:
                    variants.reverse()
                else:
                    draw.shuffle(variants)
                for variant in variants:
                    trials.append(Trial(len(trials) + 1, block, workload.name, variant, level))
        self._append_iso(trials, draw)
        return trials

    def _append_iso(self, trials: list[Trial], draw: random.Random) -> None:
        pairs, order = list(self.iso), {iso: [iso.pair.baseline, iso.pair.contender] for iso in self.iso}
        for block in range(self.most_blocks):
            draw.shuffle(pairs)
            for iso in pairs:
                if block % 2:
                    order[iso].reverse()
                else:
                    draw.shuffle(order[iso])
                for variant in order[iso]:
                    trials.append(Trial(len(trials) + 1, block, iso.pair.workload, variant, iso.level))

    def levels_of(self, workload: PlannedWorkload) -> tuple[Level, ...]:
        """Every level at which this workload is measured."""
        changed = (each.changed for each in self.confirmations if each.workload == workload.name)
        further = (*(iso.level for iso in self.iso if iso.pair.workload == workload.name), *changed)
        return tuple(dict.fromkeys((*self.levels, *further)))

    @property
    def settings(self) -> tuple[Knobs, ...]:
        """Every setting of the server that is needed."""
        every = (*(level.knobs for level in self.levels), *(each.knobs for each in self.confirmations))
        return tuple(dict.fromkeys(every))

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

    def at_equal_rates(self, capacity_rps: Mapping[tuple[str, str], float]) -> Plan:
        """The plan with its step at an equal rate, from what each (workload, variant) was seen to carry.

        A pair of which one carried nothing is left out.
        """
        users = max(level.users for level in self.levels)
        knobs = self.levels[0].knobs
        found = []
        for pair in self.iso_pairs:
            both = [capacity_rps.get((pair.workload, variant), 0.0) for variant in (pair.baseline, pair.contender)]
            rate_rps = float(f"{self.iso_share * min(both):.3g}")
            if rate_rps >= MIN_RATE:
                found.append(IsoRate(pair, Level(users, "open", rate_rps, "poisson", knobs=knobs)))
        tuned = [
            Tuned(
                iso.pair.workload, iso.level, replace(self.window_of(iso.pair.workload, iso.level), window_s=needed_s)
            )
            for iso in found
            if self.pilot_s
            and iso.level.rate_rps
            and (needed_s := min(self.longest_s, MASS / iso.level.rate_rps)) > self.window_s
        ]
        return replace(self, iso=tuple(found), tuned=(*self.tuned, *tuned))

    def window_of(self, workload: str, level: Level) -> Window:
        """How long every trial of this workload at this level is; what confirms it is as long."""
        for tuned in self.tuned:
            if (tuned.workload, tuned.level) == (workload, level):
                return tuned.window
        for each in self.confirmations:
            if (each.workload, each.changed) == (workload, level):
                return self.window_of(workload, each.level)
        return Window(self.warmup_s, self.window_s)

    def pairs_at(self, workload: str, level: Level) -> tuple[Pair, ...]:
        """What is compared at this level of the workload."""
        if level in self.levels:
            return tuple(pair for pair in self.pairs if pair.workload == workload)
        return tuple(iso.pair for iso in self.iso if (iso.pair.workload, iso.level) == (workload, level))

    def expected_s(self, blocks: int | None = None) -> float:
        """About how long the session takes with so many blocks (the fewest, unless given), in seconds, all included."""
        count, total = blocks or self.blocks, SESSION_OVERHEAD_S
        extra_s = TRIAL_OVERHEAD_S + (RESTART_S if self.fresh_server else 0.0)
        settings = len({level.knobs for level in self.levels})
        if settings > 1 and not self.fresh_server:
            # Another setting is another server, once for each workload and level of a round.
            total += count * len(self.workloads) * len(self.levels) * RESTART_S
        for workload in self.workloads:
            for level in self.levels:
                window = self.window_of(workload.name, level)
                each_s = window.warmup_s + window.window_s + extra_s
                variants = len(workload.variants)
                total += count * (variants * each_s + _drains_s(workload, level, window.window_s))
                if self.diagnose or (self.pilot_s and not self.tuned):
                    look_s = self.diagnose_s if self.diagnose else self.pilot_s
                    total += variants * (PILOT_WARMUP_S + look_s + TRIAL_OVERHEAD_S)
                    total += _drains_s(workload, level, look_s)
            if self.diagnose:
                total += settings * len(workload.variants) * (ALONE_WARMUP_S + ALONE_S + TRIAL_OVERHEAD_S)
        return total + count * 2 * len(self.iso_pairs) * (self.warmup_s + self.window_s + extra_s)


def unloaded_of(level: Level) -> Level:
    """One user on the same setting of the server: what a request takes where nothing is in its way."""
    return Level(1, knobs=level.knobs)


def longest_expected_s(plan: Plan) -> float:
    """About how long the session takes at most, in seconds, if its pilot asks for the longest windows everywhere."""
    longest = Window(max(plan.warmup_s, plan.longest_s), max(plan.window_s, plan.longest_s))
    tuned = tuple(Tuned(workload.name, level, longest) for workload in plan.workloads for level in plan.levels)
    everything_s = replace(plan, tuned=tuned).expected_s(plan.most_blocks)
    return max(plan.expected_s(plan.most_blocks), min(plan.budget_s, everything_s))


def _drains_s(workload: PlannedWorkload, level: Level, window_s: float) -> float:
    """How long the blocking variants take to answer what is left at the end of a window."""
    if workload.wait_s is None:
        return 0.0
    if level.rate_rps is None:
        each_s = workload.wait_s * level.users
    else:
        each_s = min(DRAIN_S, max(0.0, level.rate_rps * workload.wait_s - 1) * window_s)
    return each_s * sum(variant.kind == "blocking" for variant in workload.variants)
