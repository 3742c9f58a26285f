"""What `run` does, from the words typed to the page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from rich.console import Console

from bench_app.workload import discover
from harness.exceptions import BadInputError, StoppedError, in_range
from harness.machine.facts import facts
from harness.machine.matching import differing
from harness.machine.open_files import check_files
from harness.machine.placement import Placement, leave_place, take_place
from harness.measure.address import check_port, host_and_port
from harness.measure.child import PROJECT
from harness.measure.forks import in_forks
from harness.measure.load import Meeting
from harness.measure.rig import Setup
from harness.measure.session import conduct, resume
from harness.measure.session import confirm as carry_out_confirmations
from harness.measure.target import aimed
from harness.plan.knobs import make_knobs
from harness.plan.options import listed, whole_numbers
from harness.plan.options import rates as rates_of
from harness.plan.plan import MARGIN, Confirmation, Plan
from harness.plan.planning import MAX_LOAD_PROCESSES, make_plan
from harness.record.command_line import repeatable
from harness.record.run import PAGE, point_latest, read_run
from harness.record.validation import read_validation
from harness.report import wording
from harness.report.progress import ProgressDisplay
from harness.report.terminal import plan_table, print_findings
from harness.stats.estimate import expected_half_width

TYPICAL_SPREAD: Final = 0.05
WITH_RESUME: Final = ("--resume", "--dsn", "--port", "--out")


def measure(
    workloads: Sequence[str],
    *,
    profile: str,
    users: str | None,
    rates: str | None,
    arrivals: str,
    think_ms: float,
    iso_share: float | None,
    variants: str | None,
    blocks: int | None,
    max_blocks: int | None,
    fresh_server: bool | None,
    seconds: float | None,
    warmup: float | None,
    margin: float | None,
    plan_only: bool,
    probe: bool,
    confirm: bool,
    diagnose: bool | None,
    threads: str | None,
    pool_size: str | None,
    workers: str | None,
    loop: str | None,
    http: str | None,
    seed: int,
    load_processes: int,
    targets: Sequence[str],
    master_bind: str | None,
    expect_workers: int | None,
    dsn: str | None,
    port: int | None,
    out: Path,
    words: Sequence[str],
) -> None:
    """Measure what was asked for, write the page, and print the verdicts and where it is."""
    meeting = _meeting(master_bind, expect_workers, load_processes)
    if targets and (dsn is not None or port is not None):
        raise BadInputError("--target runs already: --dsn and --port are for a server that the run starts.")
    if diagnose and not probe:
        raise BadInputError("--diagnose needs what --no-probe silences: leave one of the two out.")
    given = {"--threads": threads, "--pool-size": pool_size, "--workers": workers, "--loop": loop, "--http": http}
    if targets and (set_here := [option for option, value in given.items() if value is not None]):
        raise BadInputError(f"--target runs already: {set_here[0]} is for a server that the run starts.")
    settings = make_knobs(
        whole_numbers("--threads", threads),
        whole_numbers("--pool-size", pool_size),
        whole_numbers("--workers", workers),
        listed(loop),
        listed(http),
    )
    if not probe and any(knobs.workers > 1 for knobs in settings):
        raise BadInputError("--workers needs the probe, by which each says that it is there: leave --no-probe out.")
    if confirm and (targets or not probe or diagnose is False):
        raise BadInputError("--confirm turns the knob that a diagnosis names: it needs one, on a server of this run.")
    plan = make_plan(
        discover(),
        profile=profile,
        only=workloads,
        variants=listed(variants),
        users=whole_numbers("--users", users),
        rates=rates_of(rates),
        arrivals=arrivals,
        think_ms=think_ms,
        iso_share=iso_share,
        blocks=blocks,
        max_blocks=max_blocks,
        fresh_server=fresh_server,
        seconds=seconds,
        warmup=warmup,
        margin=MARGIN if margin is None else margin,
        seed=seed,
        load_processes=meeting.workers if meeting else load_processes,
        # Of a server that the run did not start there is no telemetry.
        probe=probe and not targets,
        diagnose=(probe if diagnose is None else diagnose) and not targets,
        settings=settings,
    )
    if targets:
        plan = aimed(plan, targets, named=bool(workloads) or variants is not None)
    check_port(port)
    check_files(max(level.users for level in plan.levels))
    placement = take_place(1 if meeting else load_processes, _most_workers(plan))
    if targets:
        placement = replace(placement, server=(), services=(), shared=False)
    setup = Setup(placement, dsn, port, tuple(targets), meeting)
    console = Console(highlight=False)
    _announce(plan, placement, out, console)
    if plan_only:
        console.print(plan_table(plan))
        return
    name = profile
    if targets:
        name += "-target"
    elif workloads:
        names = [workload.name for workload in plan.workloads]
        name += f"-{'-'.join(names) if len(names) <= 3 else f'{len(names)}-workloads'}"
    with ProgressDisplay(plan, console) as display:
        directory = conduct(plan, display, setup, out=out, name=name, command=repeatable(words))
        if confirm:
            _confirm(directory, display, setup, console)
        _end(directory, display, console)


def go_on(directory: Path, *, dsn: str | None, port: int | None, words: Sequence[str]) -> None:
    """Go on with an interrupted run by its own plan and seed, write the page, and print the verdicts.

    Raises:
        BadInputError: it is no run, has nothing left to do, or was begun under other circumstances.
    """
    if others := [word for word in words if word.startswith("-") and word.partition("=")[0] not in WITH_RESUME]:
        raise BadInputError(f"{others[0]} and --resume: a run goes on by its own plan, so leave the rest out.")
    run = read_run(directory)
    manifest = run.manifest
    if run.is_complete and manifest.ended is not None:
        raise BadInputError(f"{directory} is complete: there is nothing to go on with.")
    if manifest.workers:
        raise BadInputError(f"{directory} was loaded from other machines, and such a run cannot be resumed.")
    if found := differing(manifest.machine, facts(PROJECT)):
        listed = "; ".join(f"{fact} was {was} and is {now}" for fact, was, now in found)
        raise BadInputError(f"{directory} cannot be resumed here: {listed}. Trials of two kinds make no run.")
    if manifest.database is not None and ("--dsn" in manifest.database) != (dsn is not None):
        given = "without --dsn" if dsn is not None else "with --dsn"
        raise BadInputError(f"{directory} was begun {given}: resume it {given}.")
    check_port(port)
    placement = take_place(manifest.plan.load_processes, _most_workers(manifest.plan))
    if manifest.target:
        placement = replace(placement, server=(), services=(), shared=False)
    if placement != manifest.placement:
        raise BadInputError(
            f"{directory} cannot be resumed: its placement was {manifest.placement}, here: {placement}."
        )
    setup = Setup(placement, dsn, port, tuple(manifest.target.split(", ")) if manifest.target else ())
    console = Console(highlight=False)
    planned = len(manifest.plan.trials)
    console.print(f"{len(run.trials)} of {planned} trials are kept; {planned - len(run.trials)} to go.")
    with ProgressDisplay(manifest.plan, console) as display:
        for recorded in run.trials:
            display.trial_ended(recorded)
        resume(run, display, setup)
        _end(directory, display, console)


def _confirm(directory: Path, display: ProgressDisplay, setup: Setup, console: Console) -> None:
    """Turn the knobs that are said to help, and measure whether they do."""
    from harness.judge.findings import find

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
        if judged.cell.level == highest and judged.inquiry.explanations
        if (predicted := judged.inquiry.explanations[0].prediction) is not None and predicted.knobs is not None
        if predicted.most > 1 + findings.run.manifest.plan.margin
    ]
    if not wanted:
        console.print("Nothing to confirm: no knob is predicted to bring a cell more than the margin.")
        return
    confirmed = ", ".join(f"{each.workload}/{each.variant} ({each.change})" for each in wanted)
    console.print(f"To confirm: {confirmed}.")
    carry_out_confirmations(findings.run, wanted, display, setup)


def _end(directory: Path, display: ProgressDisplay, console: Console) -> None:
    """Write the page, and print the verdicts and where it is."""
    display.stage("writing the page")
    display.end()
    leave_place()
    from harness.report.page import write_report  # matplotlib: half a second that bad input need not wait for

    try:
        findings = write_report(directory, in_forks)
    except KeyboardInterrupt:
        raise StoppedError(
            f"Stopped. All trials are kept; `python bench.py report {directory}` makes their page."
        ) from None
    latest = point_latest(directory)
    console.print()
    print_findings(findings, console)
    console.print(f"\nPage: {latest / PAGE}", soft_wrap=True)
    console.print(f"      (kept as {directory / PAGE})", style="dim", soft_wrap=True)


def _meeting(bind: str | None, workers: int | None, load_processes: int) -> Meeting | None:
    """Where workers of other machines join, if they are to.

    Raises:
        BadInputError: the two options were not given together, or say nothing that can be done.
    """
    if bind is None and workers is None:
        return None
    if bind is None or workers is None:
        raise BadInputError("--master-bind and --expect-workers belong together: give both, or neither.")
    if load_processes != 1:
        raise BadInputError("--load-processes are on this machine, --expect-workers on others: give one of the two.")
    host, port = host_and_port("--master-bind", bind)
    if host in ("*", "0.0.0.0", "::"):
        raise BadInputError(
            f"--master-bind {host} would listen everywhere: give the one address of this machine that workers reach."
        )
    return Meeting(host, port, in_range("--expect-workers", workers, 1, MAX_LOAD_PROCESSES))


def _most_workers(plan: Plan) -> int:
    return max(level.knobs.workers for level in plan.levels)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number != 1 else ''}"


def _announce(plan: Plan, placement: Placement, out: Path, console: Console) -> None:
    variants = sum(len(workload.variants) for workload in plan.workloads)
    each = variants * len(plan.levels) + 2 * len(plan.iso_pairs)
    most = f" to {plan.most_blocks * each}" if plan.most_blocks > plan.blocks else ""
    trials = f"{plan.blocks * each}{most} trials" if most else _counted(plan.blocks * each, "trial")
    console.print(
        f"{trials} of {_counted(variants, 'variant')} in {_counted(len(plan.workloads), 'workload')}, profile "
        f"{plan.profile}. {wording.expectation(plan)}"
    )
    validation = read_validation(out, facts(PROJECT))
    # A block's ratio has the spread of two trials; a check of the instrument has seen it here.
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
