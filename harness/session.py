"""What `run` and `report` do, from the words typed to the page."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from bench_app.workload import discover
from harness.child import free_port
from harness.conduct import conduct
from harness.exceptions import BadInputError, StoppedError
from harness.machine import Placement, place, usable_cores
from harness.plan import Plan, in_range, make_plan
from harness.record import point_latest
from harness.report.page import PAGE, write_report
from harness.report.progress import ProgressDisplay
from harness.report.terminal import print_findings


def measure(
    workloads: Sequence[str],
    *,
    profile: str,
    users: str | None,
    rates: str | None,
    arrivals: str,
    variants: str | None,
    blocks: int | None,
    seconds: float | None,
    seed: int,
    dsn: str | None,
    port: int | None,
    out: Path,
    words: Sequence[str],
) -> None:
    """Measure what was asked for, write the page, and print the verdicts and where it is."""
    plan = make_plan(
        discover(),
        profile=profile,
        only=workloads,
        variants=listed(variants),
        users=_users(users),
        rates=_rates(rates),
        arrivals=arrivals,
        blocks=blocks,
        seconds=seconds,
        seed=seed,
    )
    check_port(port)
    placement = take_place()
    console = Console(highlight=False)
    _announce(plan, placement, console)
    name = profile
    if workloads:
        names = [workload.name for workload in plan.workloads]
        name += f"-{'-'.join(names) if len(names) <= 3 else f'{len(names)}-workloads'}"
    with ProgressDisplay(plan, console) as display:
        directory = conduct(
            plan, display, placement=placement, out=out, name=name, command=_repeatable(words), dsn=dsn, port=port
        )
        display.stage("writing the page")
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


def show(directory: Path) -> None:
    """Write the page of a recorded run again."""
    console = Console(highlight=False)
    findings = write_report(directory)
    print_findings(findings, console)
    console.print(f"\nPage: {directory / PAGE}", soft_wrap=True)


def take_place() -> Placement:
    """Find each role's cores, and leave the server's to the server."""
    placement = place(usable_cores())
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, placement.services)
    return placement


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


def listed(text: str | None) -> list[str]:
    """The names in a comma-separated list; nothing where none was given.

    Raises:
        BadInputError: it was given, and holds nothing.
    """
    parts = [part.strip() for part in (text or "").split(",") if part.strip()]
    if text is not None and not parts:
        raise BadInputError("An option that takes a list was given an empty one: name at least one, or leave it out.")
    return parts


def _repeatable(words: Sequence[str]) -> str:
    """The command line that was typed, without the connection string: it holds a password and is saved nowhere."""
    kept: list[str] = []
    for position, word in enumerate(words):
        if position and words[position - 1] == "--dsn":
            word = "DSN"
        elif word.startswith("--dsn="):
            word = "--dsn=DSN"
        kept.append(word)
    return shlex.join(["python", "bench.py", *kept])


def _users(text: str | None) -> list[int]:
    try:
        return [int(part) for part in listed(text)]
    except ValueError:
        raise BadInputError(f"--users {text} is no list of whole numbers: write it as 64, or as 8,64,256.") from None


def _rates(text: str | None) -> list[float]:
    try:
        return [float(part) for part in listed(text)]
    except ValueError:
        raise BadInputError(f"--rate {text} is no list of numbers: write it as 200, or as 200,500.") from None


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number != 1 else ''}"


def _announce(plan: Plan, placement: Placement, console: Console) -> None:
    variants = sum(len(workload.variants) for workload in plan.workloads)
    minutes, seconds = divmod(round(plan.expected_s), 60)
    console.print(
        f"{_counted(len(plan.trials), 'trial')} of {_counted(variants, 'variant')} in "
        f"{_counted(len(plan.workloads), 'workload')}, profile {plan.profile}: "
        f"about {minutes} min {seconds} s."
    )
    console.print(f"Seed {plan.seed}; {placement}.", style="dim")
