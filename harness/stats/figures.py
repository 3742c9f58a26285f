"""Formats figures: counts, times, shares, ratios and their intervals, in the same way wherever they are shown."""

from __future__ import annotations

from typing import Final

from harness.stats.estimate import Estimate

NOT_MEASURED: Final = "n/a"
"""Shown where nothing was measured, because a zero would be a figure."""
TOO_FEW: Final = "too few"
"""Shown in place of a percentile that would rest on single requests."""


def count(value: float | None) -> str:
    """Return a rate or a count as text: 8.4, 97, 1,234."""
    if value is None:
        return NOT_MEASURED
    return f"{value:,.0f}" if abs(value) >= 10 else f"{value:.2g}"


def duration_ms(value: float | None) -> str:
    """Return a time in milliseconds as text without its unit: 0.42, 8.3, 63.0, 1,290."""
    if value is None:
        return NOT_MEASURED
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def share(value: float | None) -> str:
    """Return a share (0 to 1) as a whole percentage."""
    return NOT_MEASURED if value is None else f"{value:.0%}"


def times(value: float) -> str:
    """Return a ratio as text: 0.024×, 0.87×, 1.74×, 26×."""
    if value >= 10:
        return f"{value:.0f}×"
    return f"{value:.2f}×" if value >= 0.1 else f"{value:.2g}×"


def interval(estimate: Estimate | None) -> str:
    """Return the interval of a rate as text; n/a where there is none."""
    if estimate is None or estimate.low is None or estimate.high is None:
        return NOT_MEASURED
    return f"{count(estimate.low)} to {count(estimate.high)}"


def ratio(estimate: Estimate | None) -> str:
    """Return a ratio as text without its interval; n/a where there is none."""
    return NOT_MEASURED if estimate is None else times(estimate.value)


def ratio_interval(estimate: Estimate | None) -> str:
    """Return the interval of a ratio as text; n/a where there is none."""
    if estimate is None or estimate.low is None or estimate.high is None:
        return NOT_MEASURED
    return f"{times(estimate.low).removesuffix('×')} to {times(estimate.high)}"


def milliseconds(microseconds: float | None) -> float | None:
    """Microseconds as milliseconds; None stays None."""
    return None if microseconds is None else microseconds / 1000
