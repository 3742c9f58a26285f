"""`bench.py compare`: what became faster or slower from one run to another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from harness.exceptions import BadInputError, in_range
from harness.judge.changes import Change, changes, differences
from harness.judge.findings import find
from harness.plan.level import Level
from harness.plan.options import MAX_MARGIN, MIN_MARGIN
from harness.plan.plan import MARGIN
from harness.record.run import read_run
from harness.report import wording
from harness.report.terminal import STYLES, plain_table
from harness.stats import figures


def compare(before: Path, after: Path, *, margin: float | None, force: bool) -> None:
    """Print the verdict on everything that both runs measured.

    Raises:
        BadInputError: one is no run, they have no cell in common, or a fact differs that must be the same.
    """
    chosen = in_range("--margin", MARGIN if margin is None else margin, MIN_MARGIN, MAX_MARGIN)
    former, latter = find(read_run(before)), find(read_run(after))
    differing = differences(former, latter)
    if differing and not force:
        listed = "; ".join(str(difference) for difference in differing)
        raise BadInputError(f"The runs are not comparable: {listed}. Use --force to compare them with a warning.")
    found = changes(former, latter, chosen)
    if not found:
        raise BadInputError(f"{before} and {after} measured no variant at the same level: nothing can be compared.")
    console = Console(highlight=False)
    if differing:
        console.print("[bold magenta]NOT COMPARABLE[/]: compared only because of --force.")
        for difference in differing:
            console.print(f"  {difference}", markup=False)
    levels = list(dict.fromkeys(change.level for change in found))
    for level in levels:
        console.print(_table([change for change in found if change.level == level], chosen, level))


def _table(found: Sequence[Change], margin: float, level: Level) -> Table:
    table = plain_table(
        f"After / before at {level} (margin {margin:.1%}; Welch's intervals, as the runs share no block)"
    )
    table.add_column("variant", no_wrap=True)
    for heading in ("before", "after", "ratio", "95 % interval"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for change in found:
        table.add_row(
            change.name,
            wording.headline_figure(change.before.cell),
            wording.headline_figure(change.after.cell),
            figures.ratio(change.ratio),
            figures.ratio_interval(change.ratio),
            f"[{STYLES[change.verdict]}]{change.verdict}[/]",
        )
    return table
