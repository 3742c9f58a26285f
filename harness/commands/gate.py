"""`bench.py gate`: check whether a run meets its requirements, for CI, by exit code and Markdown summary."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from harness.exceptions import BadInputError
from harness.judge.changes import differences
from harness.judge.findings import find
from harness.judge.requirement import Check, check, parse_requirement
from harness.judge.verdict import Standing
from harness.record.run import read_run
from harness.report.terminal import plain_table
from harness.stats import figures

PASSED, FAILED, UNDECIDED = 0, 1, 2
STYLES: Final = {
    Standing.PASS: "bold green",
    Standing.FAIL: "bold red",
    Standing.INCONCLUSIVE: "yellow",
    Standing.INVALID: "bold magenta",
}


def gate(run: Path, *, require: Sequence[str], baseline: Path | None, markdown: Path | None) -> int:
    """Print each check, and return 0 if all pass, 1 if one fails, or 2 if none fails but one is undecided.

    Raises:
        BadInputError: there is no requirement, or one cannot be checked.
    """
    if not require and baseline is None:
        raise BadInputError("A gate needs something to check the run against: give --require, or --baseline.")
    requirements = [parse_requirement(text) for text in require]
    findings = find(read_run(run))
    former = find(read_run(baseline)) if baseline is not None else None
    if former is not None and (differing := differences(former, findings)):
        listed = "; ".join(str(difference) for difference in differing)
        raise BadInputError(f"The run and its baseline are not comparable: {listed}. Record the baseline again here.")
    checks = check(findings, requirements, former)
    if not checks:
        raise BadInputError("The run and its baseline have no variant at the same level: nothing can be checked.")
    console = Console(highlight=False)
    console.print(_table(checks))
    if markdown is not None:
        markdown.write_text(_markdown(checks, run), encoding="utf-8")
    standings = {each.standing for each in checks}
    if Standing.FAIL in standings:
        return FAILED
    return PASSED if standings == {Standing.PASS} else UNDECIDED


def _figure(each: Check) -> str:
    estimate = each.estimate
    if estimate is None:
        return figures.NOT_MEASURED
    if each.is_ratio:
        return f"{figures.ratio(estimate)} ({figures.ratio_interval(estimate)})"
    if estimate.low is None or estimate.high is None:
        return f"{figures.duration_ms(estimate.value)} ms"
    low, high = figures.duration_ms(estimate.low), figures.duration_ms(estimate.high)
    return f"{figures.duration_ms(estimate.value)} ms ({low} to {high})"


def _table(checks: tuple[Check, ...]) -> Table:
    table = plain_table()
    table.add_column("", no_wrap=True)
    table.add_column("requirement")
    table.add_column("level")
    table.add_column("found (interval for all checks together)", justify="right")
    for each in checks:
        spelled = f"[{STYLES[each.standing]}]{each.standing}[/]"
        table.add_row(spelled, each.requirement, each.level, _figure(each))
    return table


def _markdown(checks: tuple[Check, ...], run: Path) -> str:
    """Return the checks as a Markdown table for a pull request."""
    rows = [f"| {each.standing} | `{each.requirement}` | {each.level} | {_figure(each)} |" for each in checks]
    passed = sum(each.standing is Standing.PASS for each in checks)
    return "\n".join(
        [
            f"**{passed} of {len(checks)} requirements pass** (run `{run.resolve().name}`; all intervals together hold "
            "with 95 % confidence).",
            "",
            "| | requirement | level | found |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )
