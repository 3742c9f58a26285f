"""The verdict. It is computed here and nowhere else; the reports only show it."""

from __future__ import annotations

from enum import StrEnum

from harness.stats.estimate import Estimate


class Verdict(StrEnum):
    """What the interval of a ratio (contender/baseline) says against the margin."""

    WIN = "WIN"
    LOSS = "LOSS"
    TIE = "TIE"
    LEAN = "LEAN"
    INCONCLUSIVE = "INCONCLUSIVE"
    INVALID = "INVALID"


def verdict(ratio: Estimate | None, *, margin: float, valid: bool, less_is_better: bool = False) -> Verdict:
    """Return the first verdict that matches, with WIN and LOSS exchanged where `less_is_better`.

    INVALID: a guard took the verdict away. WIN: the whole interval lies above 1 + margin. LOSS: the whole interval lies
    below 1 / (1 + margin). TIE: the whole interval lies between these two. LEAN: the interval excludes 1 but contains
    one of the two. INCONCLUSIVE: anything else, a missing interval included.
    """
    if not valid:
        return Verdict.INVALID
    if ratio is None or ratio.low is None or ratio.high is None:
        return Verdict.INCONCLUSIVE
    upper, lower = 1 + margin, 1 / (1 + margin)
    if ratio.low > upper:
        return Verdict.LOSS if less_is_better else Verdict.WIN
    if ratio.high < lower:
        return Verdict.WIN if less_is_better else Verdict.LOSS
    if lower <= ratio.low and ratio.high <= upper:
        return Verdict.TIE
    if ratio.low > 1 or ratio.high < 1:
        return Verdict.LEAN
    return Verdict.INCONCLUSIVE


class Standing(StrEnum):
    """Whether a requirement is met. An unknown figure never counts as met."""

    PASS = "PASS"
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"
    INVALID = "INVALID"


def standing(found: Verdict, ratio: Estimate | None, *, strictly: bool, less_is_better: bool = False) -> Standing:
    """Return whether the contender is at least as good as the baseline, or `strictly` better.

    As good: WIN, TIE and a LEAN to the good side pass, LOSS fails. Better: WIN passes, TIE and LOSS fail.
    """
    if found is Verdict.INVALID:
        return Standing.INVALID
    if found is Verdict.WIN or (found is Verdict.TIE and not strictly):
        return Standing.PASS
    if found in (Verdict.LOSS, Verdict.TIE):
        return Standing.FAIL
    if found is Verdict.LEAN and not strictly and ratio is not None and (ratio.value > 1) != less_is_better:
        return Standing.PASS
    return Standing.INCONCLUSIVE


def agrees(ratio: Estimate | None, least: float, most: float, *, margin: float, valid: bool) -> bool | None:
    """Return whether the prediction and the interval are no further apart than the margin; None if unknown."""
    if not valid or ratio is None or ratio.low is None or ratio.high is None:
        return None
    return ratio.low <= most * (1 + margin) and least <= ratio.high * (1 + margin)


def within(estimate: Estimate | None, limit: float, *, valid: bool) -> Standing:
    """Return PASS if the whole interval of a figure lies below the limit, and FAIL if all of it lies at or above."""
    if not valid:
        return Standing.INVALID
    if estimate is None or estimate.low is None or estimate.high is None:
        return Standing.INCONCLUSIVE
    if estimate.high < limit:
        return Standing.PASS
    return Standing.FAIL if estimate.low >= limit else Standing.INCONCLUSIVE
