"""Where the better of two variants changes: which level to measure next, and what the measured levels show.

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
"""The search halves no gap between two levels whose ratio is below this factor."""

MOST_FURTHER: Final = 6
"""The search measures at most this many levels beyond the grid."""


@dataclass(frozen=True, slots=True)
class Point:
    """A measured level: its ratio contender/baseline, and the variant that it favours, None where it is undecided.

    `again` says that it was measured a second time; the ratio is then over both measurements.
    """

    level: int
    ratio: Estimate | None
    favours: Side | None
    again: bool = False


@dataclass(frozen=True, slots=True)
class Crossing:
    """One change of the better variant, from `before` to `after`.

    `low` is the last level that clearly favours `before`, and `high` the first that clearly favours `after`. `level` is
    the estimate between them.
    """

    level: float
    low: int
    high: int
    before: Side
    after: Side


def side(found: Verdict, ratio: Estimate | None) -> Side | None:
    """Return the variant that a level favours: the whole interval of its throughput ratio lies on that side of 1.

    None for a TIE, even if its interval excludes 1: a difference within the margin is worth no verdict. Where two
    curves follow the same bound, differences of one percent would otherwise look like a change of the better variant.
    """
    if found is Verdict.WIN:
        return "contender"
    if found is Verdict.LOSS:
        return "baseline"
    if found is Verdict.LEAN and ratio is not None:
        return "contender" if ratio.value > 1 else "baseline"
    return None


def grid(low: int, high: int) -> tuple[int, ...]:
    """Return the first levels to measure: up to seven, both ends included, equally spaced on a logarithmic scale."""
    steps = max(1, min(MOST_STEPS, math.floor(math.log(high / low) / math.log(FINEST_STEP))))
    return tuple(sorted({round(low * (high / low) ** (step / steps)) for step in range(steps + 1)}))


def middle(low: int, high: int) -> int | None:
    """Return the whole number nearest to √(low·high); None where none lies between, or the ends are close enough."""
    if high <= RESOLUTION * low:
        return None
    between = round(math.sqrt(low * high))
    return between if low < between < high else None


def next_level(points: Sequence[Point]) -> int | None:
    """Return the level to measure next, which may be one to measure again; None where no further level would help.

    First comes a single level that a crossing depends on (`doubtful`). Then, while fewer than `MOST_FURTHER` levels
    beyond the grid were measured, the level that narrows the widest bracket. Plain bisection would take the bracket's
    middle. But a level near the crossing may stay undecided however often it is measured. So the search halves the gap
    between a decided end and the undecided level next to it, or the bracket itself where there is no such level.
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
    """Return the levels that were measured once and are the only ones in their part of the range to favour a variant.

    Of forty levels without a difference, one favours the baseline by chance and one the contender, at 95 %. Where two
    curves coincide over one part of the range and differ over the rest, each such level would make a false crossing: in
    a simulation about one search in nine showed one. With a second measurement it is one in thirty.
    """
    decided = [point for point in sorted(points, key=lambda point: point.level) if point.favours is not None]
    runs = [list(run) for _, run in groupby(decided, key=lambda point: point.favours)]
    return [run[0].level for run in runs if len(runs) > 1 and len(run) == 1 and not run[0].again]


def brackets(points: Sequence[Point]) -> list[list[Point]]:
    """Return every stretch of points from a decided level to the next one that favours the other variant."""
    ordered = sorted(points, key=lambda point: point.level)
    decided = [index for index, point in enumerate(ordered) if point.favours is not None]
    return [
        ordered[first : last + 1]
        for first, last in pairwise(decided)
        if ordered[first].favours != ordered[last].favours
    ]


def crossings(points: Sequence[Point]) -> tuple[Crossing, ...]:
    """Return every change of the better variant that the points show, by level."""
    found = []
    for bracket in brackets(points):
        first, last = bracket[0], bracket[-1]
        assert first.favours is not None
        assert last.favours is not None
        found.append(Crossing(_root(bracket), first.level, last.level, first.favours, last.favours))
    return tuple(found)


def _root(bracket: Sequence[Point]) -> float:
    """Return where ln(ratio) is 0, interpolated linearly in ln(level) from each point to the next.

    With undecided points between there may be several such levels. Their number is odd, as the ends differ in sign; the
    middle one is returned.
    """
    known = [(math.log(point.level), math.log(point.ratio.value)) for point in bracket if point.ratio is not None]
    roots = [
        math.exp(x + (other_x - x) * y / (y - other_y))
        for (x, y), (other_x, other_y) in pairwise(known)
        if (y > 0) != (other_y > 0)
    ]
    return roots[len(roots) // 2]


def saturation(equal: Callable[[int], bool], low: int, high: int) -> int | None:
    """Return the last level of the range at which two bounds are equal, if they are equal below it and differ above.

    None where they are equal throughout, or differ at the lowest level already.

    For threads against tasks this is N* = T·(R₀ + Z)/S of asymptotic bounds (Lazowska, Zahorjan, Graham and Sevcik,
    Quantitative System Performance, 1984, chapter 5: N* = (D + Z)/D_max, here with D = R₀ and D_max = S/T): with T
    threads, a wait of S and an unloaded latency of R₀, no request waits for a thread up to N* users; beyond it the
    threads carry T/S at most. With R₀ = S and no think time it is T.
    """
    if not equal(low) or equal(high):
        return None
    while high - low > 1:
        between = (low + high) // 2
        low, high = (between, high) if equal(between) else (low, between)
    return low
