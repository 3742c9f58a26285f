"""`bench.py run`: measure variants of an endpoint, judge them, and write the page."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Final

from rich.console import Console

from bench_app.discovery import discover, names_in
from harness.exceptions import BadInputError, StoppedError
from harness.judge.findings import find
from harness.machine.facts import facts
from harness.machine.machine import differing
from harness.machine.open_files import check_files
from harness.machine.placement import Placement, find_place, taking_place
from harness.measure.forks import in_forks
from harness.measure.ports import check_port
from harness.measure.rig import Setup
from harness.measure.session import confirm, continue_session, run_session
from harness.measure.target import aimed
from harness.plan.options import RunOptions
from harness.plan.plan import Plan
from harness.plan.planning import make_plan
from harness.plan.schedule import Confirmation, Schedule
from harness.record.command_line import program
from harness.record.run import Manifest, read_run
from harness.record.run_directory import PAGE, point_latest
from harness.record.validation import read_validation
from harness.report import wording
from harness.report.progress import ProgressDisplay
from harness.report.terminal import plan_table, print_findings
from harness.stats.estimate import expected_half_width

TYPICAL_SPREAD: Final = 0.05
NAMES_IN_A_DIRECTORY: Final = 3


def run(options: RunOptions) -> None:
    """Measure the variants, write the page, and print the verdicts and the page's path.

    Raises:
        BadInputError: an option asks for something that cannot be done.
        BenchError: a process that it needs could not be started, or was lost.
    """
    workloads = discover(folder=options.workloads_dir)
    if options.workloads_dir is not None and not options.workloads:
        options = options.model_copy(update={"workloads": names_in(options.workloads_dir, workloads)})
    plan = make_plan(workloads, options)
    if options.target:
        plan = aimed(plan, options.target, named=bool(options.workloads or options.variants))
    check_port(options.port)
    check_files(max(level.users for level in plan.levels))
    setup = Setup(
        _placement(plan, elsewhere=bool(options.target)),
        options.dsn,
        options.port,
        options.target,
        options.meeting,
        options.workloads_dir,
    )
    console = Console(highlight=False)
    _announce(plan, setup.placement, options.out, console)
    if options.plan_only:
        console.print(plan_table(plan))
        return
    with ProgressDisplay(Schedule(plan), console) as display:
        with taking_place(setup.placement):
            directory = run_session(
                plan, display, setup, out=options.out, name=_name(plan, options), command=options.command
            )
            if options.confirm:
                _confirm(directory, display, setup, console)
        _end(directory, display, console)


def resume(directory: Path, options: RunOptions) -> None:
    """Continue an interrupted run by its own plan and seed, write the page, and print the verdicts.

    Raises:
        BadInputError: it is no run, is complete already, or was measured under other conditions.
    """
    recorded = read_run(directory)
    manifest = recorded.manifest
    if recorded.is_complete and manifest.ended is not None:
        raise BadInputError(f"{directory} is complete: there is nothing to continue.")
    placement = _placement(manifest.plan, elsewhere=bool(manifest.target), workers_elsewhere=bool(manifest.workers))
    _check_resumable(directory, manifest, placement, options)
    check_port(options.port)
    folder = None if manifest.workloads_dir is None else Path(manifest.workloads_dir)
    setup = Setup(placement, options.dsn, options.port, manifest.target, None, folder)
    console = Console(highlight=False)
    planned = len(manifest.schedule.trials)
    console.print(f"{len(recorded.trials)} of {planned} trials are kept; {planned - len(recorded.trials)} to go.")
    with ProgressDisplay(manifest.schedule, console) as display:
        for each in recorded.trials:
            display.trial_ended(each)
        with taking_place(placement):
            continue_session(recorded, display, setup)
        _end(directory, display, console)


def _check_resumable(directory: Path, manifest: Manifest, placement: Placement, options: RunOptions) -> None:
    """Refuse to continue a run under other conditions: its trials would not be comparable."""
    if manifest.workers:
        raise BadInputError(f"{directory} was loaded from other machines and cannot be resumed: measure it again.")
    if found := differing(manifest.machine, facts(placement)):
        changed = "; ".join(f"{fact} was {was} and is {now}" for fact, was, now in found)
        raise BadInputError(f"{directory} cannot be resumed here: {changed}. Its trials would not be comparable.")
    if manifest.database is not None and manifest.database.embedded != (options.dsn is None):
        begun = "without --dsn" if manifest.database.embedded else "with --dsn"
        raise BadInputError(f"{directory} was begun {begun}: resume it {begun}.")
    if placement != manifest.placement:
        raise BadInputError(
            f"{directory} cannot be resumed: its placement was {manifest.placement}, here: {placement}."
        )


def _placement(plan: Plan, *, elsewhere: bool, workers_elsewhere: bool = False) -> Placement:
    """Find each role's cores; a server that this run does not start has none here."""
    workers = max(level.knobs.workers for level in plan.levels)
    placement = find_place(1 if workers_elsewhere else plan.load_processes, workers)
    return replace(placement, server=(), services=(), shared=False) if elsewhere else placement


def _name(plan: Plan, options: RunOptions) -> str:
    """Return the part of the directory's name that says what is measured."""
    if options.target:
        return f"{options.profile}-target"
    if not options.workloads:
        return options.profile
    names = [workload.name for workload in plan.workloads]
    listed = "-".join(names) if len(names) <= NAMES_IN_A_DIRECTORY else f"{len(names)}-workloads"
    return f"{options.profile}-{listed}"


def _confirm(directory: Path, display: ProgressDisplay, setup: Setup, console: Console) -> None:
    """Apply each setting that a diagnosis recommends, and measure whether it helps."""
    findings = find(read_run(directory))
    highest = max(findings.run.manifest.plan.levels, key=lambda level: level.size)
    wanted = [
        Confirmation(
            judged.cell.workload.name,
            judged.cell.variant.name,
            highest,
            predicted.knobs,
            predicted.change,
            round(predicted.least, 4),
            round(predicted.most, 4),
        )
        for judged in findings.cells
        if judged.cell.level == highest
        for explained in judged.inquiry.explanations
        if (predicted := explained.prediction) is not None and predicted.knobs is not None
        if predicted.most > 1 + findings.run.manifest.plan.margin
    ]
    if not wanted:
        console.print("Nothing to confirm: no recommended setting should help by more than the margin.")
        return
    confirmed = ", ".join(f"{each.workload}/{each.variant} ({each.change})" for each in wanted)
    console.print(f"To confirm: {confirmed}.")
    confirm(findings.run, wanted, display, setup)


def _end(directory: Path, display: ProgressDisplay, console: Console) -> None:
    """Write the page, and print the verdicts and the page's path."""
    display.stage("writing the page")
    display.end()
    from harness.report.page import write_report  # matplotlib takes half a second; bad input is refused before it

    try:
        findings = write_report(directory, in_forks)
    except KeyboardInterrupt:
        raise StoppedError(
            f"Stopped. All trials are kept; `{program()} report {directory}` writes their page."
        ) from None
    latest = point_latest(directory)
    console.print()
    print_findings(findings, console)
    console.print(f"\nPage: {latest / PAGE}", soft_wrap=True)
    console.print(f"      (kept as {directory / PAGE})", style="dim", soft_wrap=True)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number != 1 else ''}"


def _announce(plan: Plan, placement: Placement, out: Path, console: Console) -> None:
    variants = sum(len(workload.variants) for workload in plan.workloads)
    each = variants * len(plan.levels) + 2 * len(plan.iso_pairs)
    most = f" to {plan.most_blocks * each}" if plan.most_blocks > plan.blocks else ""
    trials = f"{plan.blocks * each}{most} trials" if most else _counted(plan.blocks * each, "trial")
    console.print(
        f"{trials} of {_counted(variants, 'variant')} in {_counted(len(plan.workloads), 'workload')}, profile "
        f"{plan.profile}. {wording.expectation(Schedule(plan))}"
    )
    validation = read_validation(out, facts(placement))
    # A block's ratio has the spread of two trials; `selfcheck` measures it on this machine.
    spreads = (validation.waiting, validation.busy) if validation else (math.sqrt(2) * TYPICAL_SPREAD,)
    widths = [width for spread in spreads if (width := expected_half_width(plan.blocks, spread)) is not None]
    if not widths:
        precision = "one block gives no interval"
    elif validation:
        precision = f"ratios to about ±{widths[0]:.0%} where handlers wait and ±{widths[1]:.0%} where the core is full"
    else:
        precision = f"ratios to about ±{widths[0]:.0%} if trials spread by {TYPICAL_SPREAD:.0%} (selfcheck measures it)"
    console.print(f"Margin {plan.margin:.1%}; {precision}.", style="dim")
    console.print(f"Seed {plan.seed}; {placement}.", style="dim")
