"""The timeline of one trial: what its client saw and what its server did, on one axis of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from harness.judge.cells import Cell
from harness.record.run import RecordedTrial, Run
from harness.record.telemetry import Readings


@dataclass(frozen=True, slots=True)
class Series:
    """Values over time, in seconds from the opening of the window; `scattered` ones are single points."""

    name: str
    times_s: tuple[float, ...]
    values: tuple[float, ...]
    scattered: bool = False


@dataclass(frozen=True, slots=True)
class Strip:
    """Series with a common scale, from 0 to at least `top`."""

    name: str
    unit: str
    series: tuple[Series, ...]
    least_top: float = 0.0

    @property
    def top(self) -> float:
        return max([self.least_top, *(value for series in self.series for value in series.values)])


@dataclass(frozen=True, slots=True)
class Timeline:
    """The strips of one trial, with the start of its warm-up and the end of its window, in seconds from its opening."""

    trial: int
    starts_s: float
    ends_s: float
    strips: tuple[Strip, ...]


def typical_trial(cell: Cell, run: Run) -> RecordedTrial | None:
    """Return the cell's trial of median throughput; None where the cell has no trial."""
    if not cell.trials:
        return None
    middle = median(trial.throughput_rps for trial in cell.trials)
    number = min(cell.trials, key=lambda trial: abs(trial.throughput_rps - middle)).number
    return next((recorded for recorded in run.trials if recorded.trial.number == number), None)


def timeline_of(recorded: RecordedTrial, warmup_s: float) -> Timeline:
    """Return the timeline of a trial; a quantity that was not recorded has no strip."""
    result = recorded.result
    strips = [*_seen_by_client(recorded), *_told_by_server(recorded)]
    return Timeline(recorded.trial.number, -warmup_s, result.window_s, tuple(strips))


def _seen_by_client(recorded: RecordedTrial) -> list[Strip]:
    result = recorded.result
    slices = result.slices[: round(result.window_s / result.slice_s)]
    middles = tuple((index + 0.5) * result.slice_s for index in range(len(slices)))
    strips = []
    if slices:
        rates = tuple(each.completed / result.slice_s for each in slices)
        strips.append(Strip("throughput", "req/s", (Series("answered", middles, rates),)))
        answered = [(when, each.latency) for when, each in zip(middles, slices, strict=True) if each.latency.n]
        times = tuple(when for when, _ in answered)
        latencies = tuple(
            Series(f"p{percent}", times, tuple((each.percentile_us(percent) or 0.0) / 1000 for _, each in answered))
            for percent in (99, 50)
        )
        strips.append(Strip("latency", "ms", latencies))
    probes = tuple(
        Series(
            name,
            tuple(due_ms / 1000 for due_ms, _ in found),
            tuple(latency_us / 1000 for _, latency_us in found),
            scattered=True,
        )
        for name, victim in (("async def", "async_warm"), ("def", "sync_warm"))
        if (found := result.victims[victim].probes if victim in result.victims else ())
    )
    return [*strips, Strip("bystander", "ms", probes)] if probes else strips


def _told_by_server(recorded: RecordedTrial) -> list[Strip]:
    if recorded.telemetry is None:
        return []
    busiest = max(recorded.telemetry.processes, key=_computed)
    result = recorded.result
    # Readings before the first user belong to the trial before.
    columns = busiest.within(-int(1e12), int(result.window_s * 1e9))
    if len(columns["t_ns"]) < 2:
        return []
    times = tuple(moment / 1e9 for moment in columns["t_ns"])
    strips = [
        Strip("loop late", "ms", (Series("worst beat", times, tuple(_lateness_ms(columns))),), least_top=1.0),
        Strip(
            "threads",
            "tokens",
            tuple(
                Series(name, times, tuple(map(float, columns[column])))
                for name, column in (("taken", "borrowed"), ("waiting for one", "waiting"))
            ),
            least_top=float(columns["tokens"][-1]),
        ),
    ]
    if columns["pool_size"][-1] is not None and any(columns["pool_in_use"]):
        in_use = tuple(float(value or 0) for value in columns["pool_in_use"])
        strips.append(
            Strip("pool", "connections", (Series("out", times, in_use),), least_top=float(columns["pool_size"][-1]))
        )
    cpu = tuple(
        Series(name, times[1:], tuple(_shares(columns, column)))
        for name, column in (("process", "process_cpu_ns"), ("loop", "loop_cpu_ns"))
    )
    return [*strips, Strip("CPU", "of a core", cpu, least_top=1.0)]


def _computed(process: Readings) -> int:
    total: Sequence[int] = process.columns["process_cpu_ns"]
    return total[-1] - total[0]


def _lateness_ms(columns: Mapping[str, Sequence[Any]]) -> list[float]:
    """Return the worst delay in each reading: the longest stall, the mean delay, or a stall that still lasts."""
    readings = zip(columns["beats"], columns["late_us"], columns["stalls_us"], columns["overdue_us"], strict=True)
    return [
        max([late / beats if beats else 0.0, float(overdue), *map(float, stalls)]) / 1000
        for beats, late, stalls, overdue in readings
    ]


def _shares(columns: Mapping[str, Sequence[Any]], column: str) -> list[float]:
    times, totals = columns["t_ns"], columns[column]
    return [
        (totals[place] - totals[place - 1]) / max(1, times[place] - times[place - 1]) for place in range(1, len(times))
    ]
