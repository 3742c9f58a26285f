"""Where the better of two variants changes: which level to measure next, and what the measured ones say.

Pure: levels and ratios in, levels out. A level is a whole number of users, or of milliseconds of wait.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Final, Literal

from harness.judge.verdict import Verdict
from harness.stats.estimate import Estimate

Side = Literal["baseline", "contender"]

MOST_STEPS: Final = 6
FINEST_STEP: Final = 1.5
RESOLUTION: Final = 1.1
"""The factor between two levels below which nothing is halved any more."""

MOST_FURTHER: Final = 6
"""How many levels are measured beyond the grid, at most."""


@dataclass(frozen=True, slots=True)
class Point:
    """A measured level: contender/baseline there, and which of the two it favours, None where that is not decided.

    `again` says that it was measured a second time, and that the ratio is over both.
    """

    level: int
    ratio: Estimate | None
    favours: Side | None
    again: bool = False


@dataclass(frozen=True, slots=True)
class Crossing:
    """One change of the better variant, from `before` to `after`.

    `low` is the last level that is clearly on the one side and `high` the first that is clearly on the other; `level`
    is the estimate between them.
    """

    level: float
    low: int
    high: int
    before: Side
    after: Side


def side(found: Verdict, ratio: Estimate | None) -> Side | None:
    """Which variant a level favours: the one on whose side of 1 the whole interval lies, by a verdict on throughput.

    None for a TIE, even one whose interval excludes 1: what lies within the margin is worth no verdict, and where two
    curves run along the same bound, differences of a percent would otherwise pass for a change of the better.
    """
    if found is Verdict.WIN:
        return "contender"
    if found is Verdict.LOSS:
        return "baseline"
    if found is Verdict.LEAN and ratio is not None:
        return "contender" if ratio.value > 1 else "baseline"
    return None


def grid(low: int, high: int) -> tuple[int, ...]:
    """The levels to begin with: up to seven, both ends included, equally far apart on a logarithmic scale."""
    steps = max(1, min(MOST_STEPS, math.floor(math.log(high / low) / math.log(FINEST_STEP))))
    return tuple(sorted({round(low * (high / low) ** (step / steps)) for step in range(steps + 1)}))


def middle(low: int, high: int) -> int | None:
    """The whole number nearest to √(low·high), None where none lies between the two or they are close enough."""
    if high <= RESOLUTION * low:
        return None
    between = round(math.sqrt(low * high))
    return between if low < between < high else None


def next_level(points: Sequence[Point]) -> int | None:
    """The level to measure next, which may be one to measure again; None where nothing more would help.

    First whatever a crossing rests on alone (`doubtful`). Then, while fewer than `MOST_FURTHER` levels beyond the grid
    were measured, what narrows the widest bracket. Bisection would ask for its middle; but a level near the crossing
    may stay undecided however often it is asked, so what is halved is the gap between a decided end and the undecided
    level next to it, or, where there is none, the bracket itself.
    """
    if alone := doubtful(points):
        return alone[0]
    measured = {point.level for point in points}
    if len(measured) >= len(grid(min(measured), max(measured))) + MOST_FURTHER:
        return None
    gaps = set()
    for bracket in brackets(points):
        gaps |= {(low.level, high.level) for low, high in (bracket[:2], bracket[-2:])}
    halves = (middle(low, high) for low, high in sorted(gaps, key=lambda gap: (gap[0] / gap[1], gap)))
    return next((level for level in halves if level is not None), None)


def doubtful(points: Sequence[Point]) -> list[int]:
    """The levels that alone say that their variant is the better one thereabouts, and were measured only once.

    Of forty levels at which nothing differs, one favours the baseline by chance and one the contender, at 95 %. Where
    two curves coincide over a part of the range and part in the rest, each such level would make a crossing: in
    simulation about one search in nine showed one. With a second measurement it is one in thirty.
    """
    decided = [point for point in sorted(points, key=lambda point: point.level) if point.favours is not None]
    runs = [list(run) for _, run in groupby(decided, key=lambda point: point.favours)]
    return [run[0].level for run in runs if len(runs) > 1 and len(run) == 1 and not run[0].again]


def brackets(points: Sequence[Point]) -> list[list[Point]]:
    """Every stretch of points from one decided level to the next that favours the other variant, both included."""
    ordered = sorted(points, key=lambda point: point.level)
    decided = [index for index, point in enumerate(ordered) if point.favours is not None]
    return [
        ordered[first : last + 1]
        for first, last in pairwise(decided)
        if ordered[first].favours != ordered[last].favours
    ]


def crossings(points: Sequence[Point]) -> tuple[Crossing, ...]:
    """Every change of the better variant that the points show, by level."""
    found = []
    for bracket in brackets(points):
        first, last = bracket[0], bracket[-1]
        assert first.favours is not None
        assert last.favours is not None
        found.append(Crossing(_root(bracket), first.level, last.level, first.favours, last.favours))
    return tuple(found)


def _root(bracket: Sequence[Point]) -> float:
    """Where ln(ratio), linear in ln(level) from each point to the next, is 0.

    Undecided points may make it so several times: an odd number of times, as the ends differ in sign, and the middle
    one is taken.
    """
    known = [(math.log(point.level), math.log(point.ratio.value)) for point in bracket if point.ratio is not None]
    roots = [
        math.exp(x + (other_x - x) * y / (y - other_y))
        for (x, y), (other_x, other_y) in pairwise(known)
        if (y > 0) != (other_y > 0)
    ]
    return roots[len(roots) // 2]


def saturation(equal: Callable[[int], bool], low: int, high: int) -> int | None:
    """The last level of the range at which two bounds are still equal, where they are so below it and not above.

    None where they are equal throughout, or differ at the lowest level already.

    For threads against tasks this is N* = T·(R₀ + Z)/S of asymptotic bounds (Lazowska, Zahorjan, Graham and Sevcik,
    Quantitative System Performance, 1984, chapter 5: N* = (D + Z)/D_max, here with D = R₀ and D_max = S/T): with T
    threads, a wait of S and a response of R₀ at light load, no thread is waited for up to N* users, and beyond it T/S
    is all that the threads carry. With R₀ = S and no think time it is T.
    """
    if not equal(low) or equal(high):
        return None
    while high - low > 1:
        between = (low + high) // 2
        low, high = (between, high) if equal(between) else (low, between)
    return low
