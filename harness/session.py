"""What `run` does, from the words typed to the page."""

from __future__ import annotations

import math
import os
import re
import resource
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from rich.console import Console

from bench_app.workload import discover
from harness.child import PROJECT, free_port
from harness.conduct import conduct, resume
from harness.conduct import confirm as carry_out_confirmations
from harness.exceptions import BadInputError, StoppedError, in_range
from harness.knobs import make_knobs
from harness.load import DEFAULT_MEETING_PORT, Meeting
from harness.machine import Placement, differing, facts, place, usable_cores
from harness.plan import MARGIN, Confirmation, Plan
from harness.planning import MAX_LOAD_PROCESSES, make_plan
from harness.record import PAGE, point_latest, read_run
from harness.report import wording
from harness.report.progress import ProgressDisplay
from harness.report.terminal import plan_table, print_findings
from harness.rig import Site
from harness.stats import expected_half_width
from harness.target import aimed
from harness.validation import read_validation

SPARE_FILES: Final = 256
TYPICAL_SPREAD: Final = 0.05
WITH_RESUME: Final = ("--resume", "--dsn", "--port", "--out")
# The server of a workload that connects for each request holds a connection outwards for each one inwards.
FILES_A_USER: Final = 2


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
        _whole_numbers("--threads", threads),
        _whole_numbers("--pool-size", pool_size),
        _whole_numbers("--workers", workers),
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
        users=_whole_numbers("--users", users),
        rates=_rates(rates),
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
    site = Site(placement, dsn, port, tuple(targets), meeting)
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
        directory = conduct(plan, display, site, out=out, name=name, command=repeatable(words))
        if confirm:
            _confirm(directory, display, site, console)
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
    site = Site(placement, dsn, port, tuple(manifest.target.split(", ")) if manifest.target else ())
    console = Console(highlight=False)
    planned = len(manifest.plan.trials)
    console.print(f"{len(run.trials)} of {planned} trials are kept; {planned - len(run.trials)} to go.")
    with ProgressDisplay(manifest.plan, console) as display:
        for recorded in run.trials:
            display.trial_ended(recorded)
        resume(run, display, site)
        _end(directory, display, console)


def _confirm(directory: Path, display: ProgressDisplay, site: Site, console: Console) -> None:
    """Turn the knobs that are said to help, and measure whether they do."""
    from harness.findings import find

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
    carry_out_confirmations(findings.run, wanted, display, site)


def _end(directory: Path, display: ProgressDisplay, console: Console) -> None:
    """Write the page, and print the verdicts and where it is."""
    display.stage("writing the page")
    display.end()
    leave_place()
    from harness.report.page import write_report  # matplotlib: half a second that bad input need not wait for

    try:
        findings = write_report(directory)
    except KeyboardInterrupt:
        raise StoppedError(
            f"Stopped. All trials are kept; `python bench.py report {directory}` makes their page."
        ) from None
    latest = point_latest(directory)
    console.print()
    print_findings(findings, console)
    console.print(f"\nPage: {latest / PAGE}", soft_wrap=True)
    console.print(f"      (kept as {directory / PAGE})", style="dim", soft_wrap=True)


def take_place(load_processes: int = 1, workers: int = 1) -> Placement:
    """Find each role's cores, and leave the server's to the server."""
    placement = place(usable_cores(), load_processes, workers)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, placement.services)
    return placement


def leave_place() -> None:
    """Use every core again: nothing is measured any more."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, range(os.cpu_count() or 1))


def check_port(port: int | None) -> None:
    """Refuse what is no port, and one that is taken, before anything is started.

    Raises:
        BadInputError: it lies outside 1 to 65535, or cannot be listened on.
    """
    if port is None:
        return
    try:
        free_port(in_range("--port", port, 1, 65_535))
    except OSError as error:
        raise BadInputError(
            f"Port {port} cannot be listened on ({error.strerror}): give another --port, or none."
        ) from None


def check_files(users: int) -> None:
    """Refuse more users than a process may have files open; the soft limit is raised for each, the hard one stands.

    Raises:
        BadInputError: the hard limit is too low.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = users * FILES_A_USER + SPARE_FILES
    if hard != resource.RLIM_INFINITY and needed > hard:
        raise BadInputError(
            f"{users} users need {needed:,} open files in one process and the hard limit here is {hard:,}: raise it "
            f"(ulimit -Hn), or use up to {max(0, (hard - SPARE_FILES) // FILES_A_USER):,} users."
        )


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


def host_and_port(option: str, text: str) -> tuple[str, int]:
    """What stands in HOST, HOST:PORT or [HOST]:PORT.

    Raises:
        BadInputError: it is none of these.
    """
    found = re.fullmatch(r"(?:\[([^\]]+)\]|([^:\s]+))(?::(\d+))?", text)
    if found is None:
        raise BadInputError(f"{option} {text} is no address: write it as HOST or HOST:PORT, an IPv6 one in brackets.")
    port = int(found[3]) if found[3] else DEFAULT_MEETING_PORT
    return found[1] or found[2], in_range(f"the port of {option}", port, 1, 65_535)


def listed(text: str | None) -> list[str]:
    """The names in a comma-separated list; nothing where none was given.

    Raises:
        BadInputError: it was given, and holds nothing.
    """
    parts = [part.strip() for part in (text or "").split(",") if part.strip()]
    if text is not None and not parts:
        raise BadInputError("An option that takes a list was given an empty one: name at least one, or leave it out.")
    return parts


def repeatable(words: Sequence[str]) -> str:
    """The command line that was typed, without the connection string: it holds a password and is saved nowhere."""
    kept: list[str] = []
    for position, word in enumerate(words):
        if position and words[position - 1] == "--dsn":
            word = "DSN"
        elif word.startswith("--dsn="):
            word = "--dsn=DSN"
        kept.append(word)
    return shlex.join(["python", "bench.py", *kept])


def _most_workers(plan: Plan) -> int:
    return max(level.knobs.workers for level in plan.levels)


def _whole_numbers(option: str, text: str | None) -> list[int]:
    try:
        return [int(part) for part in listed(text)]
    except ValueError:
        raise BadInputError(f"{option} {text} is no list of whole numbers: write it as 64, or as 8,64,256.") from None


def _rates(text: str | None) -> list[float]:
    try:
        return [float(part) for part in listed(text)]
    except ValueError:
        raise BadInputError(f"--rate {text} is no list of numbers: write it as 200, or as 200,500.") from None


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
