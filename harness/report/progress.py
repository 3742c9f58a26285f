"""The session's progress: a live display on a terminal, elsewhere a line a block."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from harness.plan.level import Level
from harness.plan.plan import Trial
from harness.plan.schedule import Schedule
from harness.record.run import RecordedTrial, Verification
from harness.report import wording
from harness.stats import figures
from harness.stats.estimate import geometric_mean
from harness.stats.figures import milliseconds
from scenarios.wire.histogram import Distribution, merge


class ProgressDisplay:
    """A watcher of the session that shows the running trial, the time left, and the results so far."""

    def __init__(self, schedule: Schedule, console: Console) -> None:
        self._plan = schedule.plan
        self._found = schedule.found
        self._console = console
        self._trials = schedule.trials
        self._results: dict[tuple[str, str, Level], list[RecordedTrial]] = {}
        self._done: set[int] = set()
        self._first_trial_at: float | None = None
        self._measured = 0
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
            expand=True,
        )
        self._task = self._bar.add_task("starting", total=len(self._trials), left="")
        self._live = Live(console=console, refresh_per_second=4, transient=True, get_renderable=self._render)

    def __enter__(self) -> ProgressDisplay:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def end(self) -> None:
        """End the display."""
        self._live.stop()

    def stage(self, sentence: str) -> None:
        self._bar.update(self._task, description=sentence)
        if not self._console.is_terminal:
            self._console.print(f"{sentence} …")

    def verified(self, verifications: tuple[Verification, ...]) -> None:
        problems = [
            f"{verification.workload}/{verification.variant}: {problem}"
            for verification in verifications
            for problem in verification.problems
        ]
        for problem in problems:
            self._console.print(f"[bold magenta]not equivalent[/] {escape(problem)}")
        if problems:
            return
        if any(variant.origin for workload in self._plan.workloads for variant in workload.variants):
            self._console.print("The target answers as expected; its database statements and threads are unknown.")
        else:
            self._console.print(f"{len(verifications)} variants verified: same answers, same work, right threads.")

    def piloting(self, trial: Trial) -> None:
        self._bar.update(self._task, description=f"pilot  {trial.name}  {trial.level}")

    def rescheduled(self, schedule: Schedule) -> None:
        """Update the trials that are still to come."""
        before, found, plan = self._found, schedule.found, schedule.plan
        self._found, self._trials = found, schedule.trials
        self._bar.update(self._task, total=len(self._trials))
        for stop in found.stops[len(before.stops) :]:
            self._console.print(f"{stop.workload}, {stop.level}: precise after {stop.blocks} blocks.", style="dim")
        if plan.iso_pairs and found.iso != before.iso:
            rates = ", ".join(f"{iso.pair.workload} {iso.level.rate_rps:g}" for iso in found.iso)
            self._console.print(f"Both variants at {plan.iso_share:.0%} of the slower one's req/s: {rates or 'none'}.")
        elif found.tuned != before.tuned:
            self._console.print(f"{wording.windows(schedule)} {wording.expectation(schedule)}")

    def trial_starts(self, trial: Trial) -> None:
        if self._first_trial_at is None:
            self._first_trial_at = time.monotonic()
        self._bar.update(
            self._task, description=f"{wording.block_name(trial.block, self._plan)}  {trial.name}  {trial.level}"
        )

    def trial_ended(self, recorded: RecordedTrial) -> None:
        trial = recorded.trial
        if recorded.result.lost:
            self._console.print(f"[yellow]a load process was lost in trial {trial.number}, which is left out[/]")
        self._results.setdefault((trial.workload, trial.variant, trial.level), []).append(recorded)
        self._measured += self._first_trial_at is not None
        self._done.add(trial.number)
        left = self._left()
        self._bar.update(self._task, completed=len(self._done), left=left)
        upcoming = next((each for each in self._trials if each.number not in self._done), None)
        if (upcoming is None or upcoming.block != trial.block) and not self._console.is_terminal:
            done = wording.block_name(trial.block, self._plan)
            self._console.print(f"{done} done; {left or 'all trials done'}")

    def _left(self) -> str:
        remaining = len(self._trials) - len(self._done)
        if not remaining or self._first_trial_at is None:
            return ""
        seconds = (time.monotonic() - self._first_trial_at) / self._measured * remaining
        return f"{int(seconds) // 60}:{int(seconds) % 60:02} left"

    def _render(self) -> Group:
        # The bar comes first: a window that is too small cuts off the end.
        return Group(self._bar, self._table())

    def _table(self) -> Table:
        levels = self._plan.levels
        table = Table(box=None, pad_edge=False, header_style="dim")
        table.add_column("workload", no_wrap=True)
        table.add_column("variant", no_wrap=True)
        single = len(levels) == 1
        condition = levels[0].unit if single else wording.condition_heading(self._plan)
        for heading in (condition, "trials", "req/s", "p99 ms", "bystander p99 ms"):
            table.add_column(heading, justify="right")
        for workload in self._plan.workloads:
            for position, variant in enumerate(workload.variants):
                for level in levels:
                    recorded = self._results.get((workload.name, variant.name, level), [])
                    name = "" if position or level != levels[0] else workload.name
                    condition = f"{level.size:g}" if single else wording.condition(level, self._plan)
                    table.add_row(name, variant.name, condition, *_running(recorded))
        return table


def _running(recorded: list[RecordedTrial]) -> tuple[str, str, str, str]:
    if not recorded:
        return "", "", "", ""
    results = [trial.result for trial in recorded]
    throughput = geometric_mean([result.throughput_rps for result in results])
    return (
        str(len(results)),
        figures.count(throughput.value if throughput else None),
        _p99(merge(result.latency for result in results)),
        _p99(merge(result.victims["async_warm"].latency for result in results if "async_warm" in result.victims)),
    )


def _p99(distribution: Distribution) -> str:
    return figures.duration_ms(milliseconds(distribution.percentile_us(99)))
