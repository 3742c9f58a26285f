"""The verdict: computed here and nowhere else. Whoever shows it only spells it."""

from __future__ import annotations

from enum import StrEnum

from harness.stats import Estimate


class Verdict(StrEnum):
    """What the interval of a ratio (contender/baseline) says against the margin."""

    WIN = "WIN"
    LOSS = "LOSS"
    TIE = "TIE"
    LEAN = "LEAN"
    INCONCLUSIVE = "INCONCLUSIVE"
    INVALID = "INVALID"


def verdict(ratio: Estimate | None, *, margin: float, valid: bool, less_is_better: bool = False) -> Verdict:
    """The first that matches, with WIN and LOSS exchanged where `less_is_better`.

    INVALID: a guard failed. WIN or LOSS: the interval lies wholly beyond 1 + margin or below its inverse. TIE: wholly
    between the two. LEAN: it excludes 1 but straddles a margin. INCONCLUSIVE: anything else, a missing interval too.
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
