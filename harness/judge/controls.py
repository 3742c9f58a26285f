"""The controls: comparisons whose answer is known, and what the findings on them must be.

Pure: a control reads findings and decides whether they are right. The session disturbs the trials where one must be.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, log
from statistics import fmean
from typing import Final, Literal

from harness.judge.findings import Findings, JudgedComparison
from harness.judge.verdict import Verdict
from harness.record.validation import Outcome
from harness.stats import figures
from harness.stats.estimate import Estimate

Disturbance = Literal["hog", "throttle"]
HOGGED_BLOCK: Final = 2
"""The block, from 0, in which a CPU hog joins the server on its core."""

EXCLUDED_AT_MOST: Final = 0.15
"""One in twenty 95 % intervals on the same handler excludes 1 by chance; more than three in twenty is a fault."""


@dataclass(frozen=True, slots=True)
class Control:
    """One workload of the controls at one level, in `sessions` sessions; `judge` reads the findings of all of them.

    Times are in seconds. A control with `unhindered` users, none of whom waits for another, first measures each variant
    with so many: the mean latency shows how long its wait really takes here, overhead included.
    """

    name: str
    workload: str
    users: int
    blocks: int
    warmup_s: float
    window_s: float
    expected: str
    judge: Callable[[Sequence[Findings], float], tuple[str, bool]]
    sessions: int = 1
    disturbance: Disturbance | None = None
    unhindered: int = 0

    def outcome(self, findings: Sequence[Findings], overhead: float = 1.0) -> Outcome:
        """Judge the findings. `overhead` is baseline over contender of the unhindered users' mean latencies."""
        found, passed = self.judge(findings, overhead)
        return Outcome(self.name, self.expected, found, passed)


def only(findings: Findings) -> JudgedComparison:
    """Return the one comparison of a control."""
    (judged,) = findings.comparisons
    return judged


def no_difference(found: Sequence[Findings], overhead: float) -> tuple[str, bool]:
    """Require no WIN and no LOSS, and few intervals that exclude 1."""
    judged = [only(findings) for findings in found]
    wrong = sum(each.verdict in (Verdict.WIN, Verdict.LOSS) for each in judged)
    excluded = sum(_excludes(each.comparison.ratio, 1.0) for each in judged)
    ratios = [each.comparison.ratio.value for each in judged if each.comparison.ratio]
    mean = exp(fmean(map(log, ratios))) if ratios else float("nan")
    said = f"{wrong} WIN or LOSS; {excluded} of {len(judged)} intervals exclude 1; mean {mean:.3f}×"
    return said, bool(ratios) and not wrong and excluded <= EXCLUDED_AT_MOST * len(judged)


def few_excluded(found: Sequence[Findings], overhead: float) -> tuple[str, bool]:
    """Require few intervals that exclude 1, one more than `no_difference` allows; the verdicts may be any.

    The core's own disturbance may be larger than the margin.
    """
    said, _ = no_difference(found, overhead)
    excluded = sum(_excludes(only(findings).comparison.ratio, 1.0) for findings in found)
    return said, excluded <= EXCLUDED_AT_MOST * len(found) + 1


BIAS: Final = 0.02
"""How far the instrument may be off. Arithmetic leaves out, for example, the time to pass a thread to a request."""


def known(truth: float) -> Callable[[Sequence[Findings], float], tuple[str, bool]]:
    """Require that the interval, widened by the bias, holds the true ratio for the waits as they are here."""

    def judge(found: Sequence[Findings], overhead: float) -> tuple[str, bool]:
        judged = only(found[0])
        here, ratio = truth * overhead, judged.comparison.ratio
        off = f"{ratio.value / here - 1:+.1%} off " if ratio else ""
        said = f"{_spelled(judged)}; {off}{here:.2f}×, with what a wait takes here{_why_invalid(found[0])}"
        near = [here / (1 + BIAS), here, here * (1 + BIAS)]
        return said, judged.verdict is not Verdict.INVALID and not all(_excludes(ratio, value) for value in near)

    return judge


def is_loss(found: Sequence[Findings], overhead: float) -> tuple[str, bool]:
    """Require that the contender loses."""
    judged = only(found[0])
    return f"{_spelled(judged)}{_why_invalid(found[0])}", judged.verdict is Verdict.LOSS


def hog_is_rejected(found: Sequence[Findings], overhead: float) -> tuple[str, bool]:
    """Require that the block with the CPU hog is rejected, and that the verdict does not suffer."""
    rejected = [block for block in found[0].rejected if block.number == HOGGED_BLOCK]
    said = f"rejected: {rejected[0]}" if rejected else "the block was not rejected"
    return f"{said}; {_spelled(only(found[0]))}", bool(rejected) and only(found[0]).verdict is not Verdict.LOSS


def is_invalid(found: Sequence[Findings], overhead: float) -> tuple[str, bool]:
    """Require that a guard takes the verdict away."""
    judged = only(found[0])
    return f"{judged.verdict}{_why_invalid(found[0])}", judged.verdict is Verdict.INVALID


def is_p99_loss(found: Sequence[Findings], overhead: float) -> tuple[str, bool]:
    """Require a LOSS on the p99 and none on the throughput, whose ratio must stay within the margin."""
    judged, margin = only(found[0]), found[0].run.manifest.plan.margin
    p99 = next((outcome, verdict) for outcome, verdict in judged.secondary if outcome.metric == "p99_ms")
    said = f"p99 {p99[1]} {figures.ratio(p99[0].ratio)}; throughput {_spelled(judged)}{_why_invalid(found[0])}"
    ratio = judged.comparison.ratio
    near = ratio is not None and 1 / (1 + margin) <= ratio.value <= 1 + margin
    return said, p99[1] is Verdict.LOSS and near and judged.verdict not in (Verdict.WIN, Verdict.LOSS)


CONTROLS: Final = (
    Control("same, waiting", "same", 16, 6, 0.2, 0.5, "no WIN or LOSS; at most 3 of 20 exclude 1", no_difference, 20),
    Control("same, busy", "busy", 32, 6, 0.2, 0.5, "at most 2 of 8 exclude 1", few_excluded, 8),
    Control("40 threads", "threads", 80, 6, 1.5, 3.0, "2.00×, within 2 % of the interval", known(2.0), unhindered=40),
    Control("blocked loop", "stall", 8, 6, 0.6, 2.0, "8.00×, within 2 % of the interval", known(8.0), unhindered=1),
    Control("15 % slower", "slower", 16, 8, 0.3, 1.0, "LOSS", is_loss),
    Control("spike on 2 %", "spike", 32, 8, 0.3, 1.7, "p99 LOSS, throughput within the margin", is_p99_loss),
    Control("CPU hog", "same", 16, 6, 0.2, 0.8, "its block is rejected", hog_is_rejected, disturbance="hog"),
    Control("throttled client", "same", 16, 4, 0.2, 0.8, "INVALID", is_invalid, disturbance="throttle"),
)


def spread(found: Sequence[Findings]) -> float:
    """Return the standard deviation of ln ratios within a session, pooled over sessions."""
    squares = degrees = 0.0
    for findings in found:
        logs = [log(ratio) for ratio in only(findings).comparison.primary.ratios if ratio > 0]
        if len(logs) > 1:
            mean = fmean(logs)
            squares += sum((each - mean) ** 2 for each in logs)
            degrees += len(logs) - 1
    return float((squares / degrees) ** 0.5) if degrees else float("nan")


def _excludes(ratio: Estimate | None, value: float) -> bool:
    return ratio is None or ratio.low is None or ratio.high is None or not ratio.low <= value <= ratio.high


def _why_invalid(findings: Findings) -> str:
    reasons = [warning.sentence for cell in findings.cells for warning in cell.warnings if warning.invalidates]
    return f": {reasons[0]}" if reasons else ""


def _spelled(judged: JudgedComparison) -> str:
    ratio = judged.comparison.ratio
    return f"{judged.verdict} {figures.ratio(ratio)} ({figures.ratio_interval(ratio)})"
