"""What disturbed the machine in each block, and which blocks are rejected for it. The rules ignore all outcomes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Final, Literal

from harness.machine.placement import Placement
from harness.plan.level import Level
from harness.record.run import RecordedTrial
from scenarios.wire.protocol import TrialResult

SignalName = Literal["steal", "foreign CPU", "throttling", "core speed"]
WARN: Final[dict[SignalName, float]] = {"steal": 0.01, "foreign CPU": 0.05, "throttling": 0.0, "core speed": 0.05}
REJECT: Final[dict[SignalName, float]] = {"steal": 0.03, "foreign CPU": 0.15, "throttling": 0.0, "core speed": 0.10}
AVOIDABLE: Final[frozenset[SignalName]] = frozenset({"foreign CPU", "throttling"})
"""Disturbances that the user of this machine could stop. The others come from outside the machine."""

REJECTED_AT_MOST: Final = 5
"""At most one block in this many is rejected, and one where there are fewer. More would be a choice of results."""
FEWEST_BLOCKS: Final = 3
TICK_S: Final = 0.01
"""The unit in which the kernel counts processor time. A share of up to two ticks of a window may be an artefact."""

BlockKey = tuple[str, Level, int]


@dataclass(frozen=True, slots=True)
class Signal:
    """One sign of disturbance in a trial.

    `value` is a share of a core, a deviation from the median core speed as a share, or a number of stops. `floor` is
    the smallest value that counts, for a trial as long as this one.
    """

    name: SignalName
    value: float
    floor: float = 0.0

    @property
    def warns(self) -> bool:
        return abs(self.value) > max(WARN[self.name], self.floor)

    @property
    def severity(self) -> float:
        """The value as a multiple of its limit; above 1, its block is a candidate for rejection."""
        limit = max(REJECT[self.name], self.floor)
        return abs(self.value) / limit if limit else (2.0 if self.value else 0.0)

    def __str__(self) -> str:
        if self.name == "throttling":
            return f"stopped {self.value:.0f} times by its CPU quota"
        if self.name == "core speed":
            return f"core {abs(self.value):.0%} {'slower' if self.value > 0 else 'faster'} than its median"
        if self.name == "steal":
            return f"a hypervisor took {self.value:.0%} of a core"
        return f"other programs used {self.value:.0%} of the server's core"


@dataclass(frozen=True, slots=True)
class DisturbedBlock:
    """A block with a signal beyond its limit: the worst signal of each name, and whether the block was rejected."""

    workload: str
    level: Level
    number: int
    signals: tuple[Signal, ...]
    rejected: bool

    @property
    def key(self) -> BlockKey:
        return self.workload, self.level, self.number

    def __str__(self) -> str:
        return ", ".join(map(str, self.signals))


@dataclass(frozen=True, slots=True)
class Unrest:
    """A signal's range over the session, `lowest` to `highest`; it passed its warning limit in `trials` trials."""

    name: SignalName
    lowest: float
    highest: float
    trials: int


def disturbed_blocks(trials: Sequence[RecordedTrial], placement: Placement) -> tuple[DisturbedBlock, ...]:
    """Return every block with a signal beyond its limit, and mark the rejected ones.

    At most a fifth of the blocks of a workload at a level is rejected: one of three or four, none of fewer. Blocks with
    an avoidable signal are rejected first, and among them the most disturbed. The other blocks beyond a limit are kept
    and reported, because no choice is blind where most blocks are disturbed.
    """
    groups: dict[tuple[str, Level], dict[int, list[Signal]]] = defaultdict(lambda: defaultdict(list))
    usual = usual_core_speed(trials)
    for recorded in trials:
        trial = recorded.trial
        groups[trial.workload, trial.level][trial.block] += signals_of(recorded, placement, usual)
    found = []
    for (workload, level), blocks in groups.items():
        beyond = {
            number: tuple(signal for signal in worst_of(signals) if signal.severity > 1)
            for number, signals in blocks.items()
        }
        # Avoidable disturbances come first: a user decides how long they last, and they may favour one variant.
        ranked = sorted(
            (
                (any(each.name in AVOIDABLE for each in worst), max(each.severity for each in worst), number)
                for number, worst in beyond.items()
                if worst
            ),
            reverse=True,
        )
        allowed = max(1, len(blocks) // REJECTED_AT_MOST) if len(blocks) >= FEWEST_BLOCKS else 0
        rejected = {number for *_, number in ranked[:allowed]}
        found += [
            DisturbedBlock(workload, level, number, beyond[number], number in rejected)
            for number in sorted(beyond)
            if beyond[number]
        ]
    return tuple(found)


def rejected_keys(blocks: Iterable[DisturbedBlock]) -> frozenset[BlockKey]:
    """Return the keys of the rejected blocks, whose trials are in no result."""
    return frozenset(block.key for block in blocks if block.rejected)


def unrest_of(trials: Sequence[RecordedTrial], placement: Placement) -> tuple[Unrest, ...]:
    """Return every signal that passed its warning limit in some trial, with its range over the whole session."""
    values: dict[SignalName, list[Signal]] = defaultdict(list)
    usual = usual_core_speed(trials)
    for recorded in trials:
        for signal in signals_of(recorded, placement, usual):
            values[signal.name].append(signal)
    return tuple(
        Unrest(name, min(s.value for s in signals), max(s.value for s in signals), sum(s.warns for s in signals))
        for name, signals in values.items()
        if any(signal.warns for signal in signals)
    )


def signals_of(recorded: RecordedTrial, placement: Placement, usual_core_speed_ms: float | None) -> Iterator[Signal]:
    """Yield the signals of one trial, without those that were not read or mean nothing with this placement."""
    result, ticks = recorded.result, 2 * TICK_S / recorded.result.window_s
    used = {*placement.server, *placement.load, *placement.services}
    if used and max(used) < len(result.core_steal):
        yield Signal("steal", max(result.core_steal[core] for core in used), ticks)
    foreign = foreign_share(result, placement)
    if foreign is not None:
        yield Signal("foreign CPU", foreign, ticks)
    if result.throttled:
        yield Signal("throttling", float(result.throttled))
    if recorded.core_speed_ms is not None and usual_core_speed_ms:
        yield Signal("core speed", recorded.core_speed_ms / usual_core_speed_ms - 1)


def foreign_share(result: TrialResult, placement: Placement) -> float | None:
    """Return the share of the server's cores that processes other than the server used.

    None where the server shares its core with the load, or where the cores were not read.
    """
    busy = busy_share(result, placement.server)
    if busy is None or placement.shared or "server" not in result.cpu_s:
        return None
    stolen = fmean(result.core_steal[core] for core in placement.server) if result.core_steal else 0.0
    return max(0.0, busy - stolen - result.cpu_s["server"] / result.window_s / len(placement.server))


def busy_share(result: TrialResult, cores: Sequence[int]) -> float | None:
    """Return the mean busy share of these cores in the window; None where they were not read."""
    if not cores or max(cores) >= len(result.core_busy):
        return None
    return fmean(result.core_busy[core] for core in cores)


def usual_core_speed(trials: Sequence[RecordedTrial]) -> float | None:
    """Return the median core speed in ms, the reference for that of each trial; None where it was not measured."""
    paces = [recorded.core_speed_ms for recorded in trials if recorded.core_speed_ms is not None]
    return median(paces) if paces else None


def worst_of(signals: Iterable[Signal]) -> tuple[Signal, ...]:
    """Return the worst signal of each name, the worst of all first."""
    worst: dict[SignalName, Signal] = {}
    for signal in signals:
        if signal.name not in worst or signal.severity > worst[signal.name].severity:
            worst[signal.name] = signal
    return tuple(sorted(worst.values(), key=lambda signal: -signal.severity))
