"""The trials of a plan, their order and their length, given what the run has found out so far."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from harness.plan.knobs import Knobs
from harness.plan.level import MIN_RATE, Level
from harness.plan.plan import DRAIN_S, Pair, Plan, PlannedWorkload, Trial, Window, unloaded_of

TRIAL_OVERHEAD_S: Final = 0.13
RESTART_S: Final = 1.3
SESSION_OVERHEAD_S: Final = 11.0
PILOT_WARMUP_S: Final = 0.2
UNLOADED_WARMUP_S: Final = 0.1
UNLOADED_S: Final = 0.3
MASS: Final = 1_000
"""A window should contain this many requests, because a p99 needs as many."""


@dataclass(frozen=True, slots=True)
class Tuned:
    """The window of all variants of a workload at a level, where a pilot showed that they need this one."""

    workload: str
    level: Level
    window: Window


@dataclass(frozen=True, slots=True)
class Stop:
    """A workload at a level that stops after `blocks` blocks, because its ratios were then precise enough."""

    workload: str
    level: Level
    blocks: int


@dataclass(frozen=True, slots=True)
class IsoRate:
    """A pair, and the open-loop level at which both of its variants get the same requests."""

    pair: Pair
    level: Level


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A variant at a level that is measured again, in turns with the setting of `level` and with the setting `knobs`.

    `change` names the difference between the two. Theory predicts a throughput ratio from `least` to `most` for it.
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
class Found:
    """What the run has found out so far, which decides the trials that are still to come.

    `tuned` holds the windows that the pilot asked for, `stops` the comparisons for which fewer blocks were enough,
    `iso` the rates of the step at an equal rate, and `confirmations` the settings to try.
    """

    tuned: tuple[Tuned, ...] = ()
    stops: tuple[Stop, ...] = ()
    iso: tuple[IsoRate, ...] = ()
    confirmations: tuple[Confirmation, ...] = ()


@dataclass(frozen=True, slots=True)
class Schedule:
    """The trials of a plan, given what is known so far."""

    plan: Plan
    found: Found = Found()

    def knowing(self, **facts: Any) -> Schedule:
        """Return the schedule with these fields of `found` replaced."""
        return replace(self, found=replace(self.found, **facts))

    @property
    def trials(self) -> tuple[Trial, ...]:
        """Every trial, in the order of the run.

        A block has one trial of each variant of a workload at a level, in random order. The next block of the same
        comparison has the reverse order, so that over each two blocks no variant comes earlier than another. Within a
        round, workloads and levels are shuffled. The seed decides every order. A comparison that stopped has no later
        trials, and the other trials keep their numbers.
        """
        stops = {(stop.workload, stop.level): stop.blocks for stop in self.found.stops}
        every, most = self._all_trials(), self.plan.most_blocks
        kept = [trial for trial in every if trial.block < stops.get((trial.workload, trial.level), most)]
        return (*kept, *self._confirming(len(every)))

    @property
    def diagnostics(self) -> tuple[Trial, ...]:
        """The trials that profile: each variant unloaded, then at each level."""
        plan = self.plan
        unloaded = dict.fromkeys(unloaded_of(level) for level in plan.levels)
        levels = [*unloaded, *(level for level in plan.levels if level not in unloaded)]
        chosen = [
            (workload.name, variant.name, level)
            for knobs in dict.fromkeys(level.knobs for level in levels)
            for workload in plan.workloads
            for variant in workload.variants
            for level in levels
            if plan.diagnose and level.knobs == knobs
        ]
        return tuple(Trial(number, 0, *names) for number, names in enumerate(chosen, start=1))

    def diagnostic_window(self, level: Level) -> Window:
        """Return the window of a trial that profiles at this level."""
        if level == unloaded_of(level):
            return Window(UNLOADED_WARMUP_S, UNLOADED_S)
        return Window(PILOT_WARMUP_S, self.plan.diagnose_s)

    def levels_of(self, workload: PlannedWorkload) -> tuple[Level, ...]:
        """Return every level at which this workload is measured."""
        changed = (each.changed for each in self.found.confirmations if each.workload == workload.name)
        further = (*(iso.level for iso in self.found.iso if iso.pair.workload == workload.name), *changed)
        return tuple(dict.fromkeys((*self.plan.levels, *further)))

    @property
    def settings(self) -> tuple[Knobs, ...]:
        """Every setting of the server that the trials need."""
        changed = (each.changed.knobs for each in self.found.confirmations)
        return tuple(dict.fromkeys((*(level.knobs for level in self.plan.levels), *changed)))

    def window_of(self, workload: str, level: Level) -> Window:
        """Return the window of this workload's trials at this level; confirmations have that of the original level."""
        for tuned in self.found.tuned:
            if (tuned.workload, tuned.level) == (workload, level):
                return tuned.window
        for each in self.found.confirmations:
            if (each.workload, each.changed) == (workload, level):
                return self.window_of(workload, each.level)
        return Window(self.plan.warmup_s, self.plan.window_s)

    def pairs_at(self, workload: str, level: Level) -> tuple[Pair, ...]:
        """Return the pairs that are compared at this level of the workload."""
        if level in self.plan.levels:
            return tuple(pair for pair in self.plan.pairs if pair.workload == workload)
        return tuple(iso.pair for iso in self.found.iso if (iso.pair.workload, iso.level) == (workload, level))

    def at_equal_rates(self, capacity_rps: Mapping[tuple[str, str], float]) -> Schedule:
        """Return the schedule with its step at an equal rate.

        `capacity_rps` is the throughput that each (workload, variant) reached, in requests a second. A pair is left out
        where the rate for it would be below `MIN_RATE`, as where one variant carried nothing.
        """
        plan = self.plan
        users, knobs = max(level.users for level in plan.levels), plan.levels[0].knobs
        found = []
        for pair in plan.iso_pairs:
            both = [capacity_rps.get((pair.workload, variant), 0.0) for variant in (pair.baseline, pair.contender)]
            rate_rps = float(f"{plan.iso_share * min(both):.3g}")
            if rate_rps >= MIN_RATE:
                found.append(IsoRate(pair, Level(users, "open", rate_rps, "poisson", knobs=knobs)))
        tuned = [
            Tuned(
                iso.pair.workload, iso.level, replace(self.window_of(iso.pair.workload, iso.level), window_s=needed_s)
            )
            for iso in found
            if plan.pilot_s
            and iso.level.rate_rps
            and (needed_s := min(plan.longest_s, MASS / iso.level.rate_rps)) > plan.window_s
        ]
        return self.knowing(iso=tuple(found), tuned=(*self.found.tuned, *tuned))

    def expected_s(self, blocks: int | None = None) -> float:
        """Return about how many seconds the session takes with `blocks` blocks, by default the fewest."""
        plan = self.plan
        count, total = blocks or plan.blocks, SESSION_OVERHEAD_S
        extra_s = TRIAL_OVERHEAD_S + (RESTART_S if plan.fresh_server else 0.0)
        settings = len({level.knobs for level in plan.levels})
        if settings > 1 and not plan.fresh_server:
            # A change of setting restarts the server, once for each workload and level of a round.
            total += count * len(plan.workloads) * len(plan.levels) * RESTART_S
        for workload in plan.workloads:
            for level in plan.levels:
                window = self.window_of(workload.name, level)
                each_s = window.warmup_s + window.window_s + extra_s
                variants = len(workload.variants)
                total += count * (variants * each_s + _drains_s(workload, level, window.window_s))
                if plan.diagnose or (plan.pilot_s and not self.found.tuned):
                    pilot_s = plan.diagnose_s if plan.diagnose else plan.pilot_s
                    total += variants * (PILOT_WARMUP_S + pilot_s + TRIAL_OVERHEAD_S)
                    total += _drains_s(workload, level, pilot_s)
            if plan.diagnose:
                total += settings * len(workload.variants) * (UNLOADED_WARMUP_S + UNLOADED_S + TRIAL_OVERHEAD_S)
        return total + count * 2 * len(plan.iso_pairs) * (plan.warmup_s + plan.window_s + extra_s)

    def longest_expected_s(self) -> float:
        """Return about how many seconds the session takes at most: all blocks, with the longest windows of a pilot."""
        plan = self.plan
        longest = Window(max(plan.warmup_s, plan.longest_s), max(plan.window_s, plan.longest_s))
        tuned = tuple(Tuned(workload.name, level, longest) for workload in plan.workloads for level in plan.levels)
        everything_s = self.knowing(tuned=tuned).expected_s(plan.most_blocks)
        return max(self.expected_s(plan.most_blocks), min(plan.budget_s, everything_s))

    def _all_trials(self) -> list[Trial]:
        plan, draw = self.plan, random.Random(self.plan.seed)
        comparisons = [(workload, level) for workload in plan.workloads for level in plan.levels]
        order = {
            (workload.name, level): [variant.name for variant in workload.variants] for workload, level in comparisons
        }
        trials: list[Trial] = []
        for block in range(plan.most_blocks):
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
        pairs = list(self.found.iso)
        order = {iso: [iso.pair.baseline, iso.pair.contender] for iso in pairs}
        for block in range(self.plan.most_blocks):
            draw.shuffle(pairs)
            for iso in pairs:
                if block % 2:
                    order[iso].reverse()
                else:
                    draw.shuffle(order[iso])
                for variant in order[iso]:
                    trials.append(Trial(len(trials) + 1, block, iso.pair.workload, variant, iso.level))

    def _confirming(self, numbered: int) -> Iterator[Trial]:
        """Yield the trials of the confirmations in blocks of their own, with both settings in turns."""
        first = self.plan.most_blocks
        for block in range(first, first + self.plan.blocks if self.found.confirmations else 0):
            for each in self.found.confirmations:
                both = [each.level, each.changed]
                for level in both if block % 2 else reversed(both):
                    numbered += 1
                    yield Trial(numbered, block, each.workload, each.variant, level)


def _drains_s(workload: PlannedWorkload, level: Level, window_s: float) -> float:
    """Return how many seconds the blocking variants take to answer the requests in flight at the end of a window."""
    if workload.wait_s is None:
        return 0.0
    if level.rate_rps is None:
        each_s = workload.wait_s * level.users
    else:
        each_s = min(DRAIN_S, max(0.0, level.rate_rps * workload.wait_s - 1) * window_s)
    return each_s * sum(variant.kind == "blocking" for variant in workload.variants)
