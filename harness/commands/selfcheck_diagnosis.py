"""`bench.py selfcheck --diagnosis`: check that the diagnosis names each known fault, and none without a fault."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markup import escape

from bench_app.discovery import discover
from bench_app.workload import Package
from harness.causes.account import LatencyAccount, account_of
from harness.causes.diagnosis import UNEXPLAINED, Diagnosis, diagnose
from harness.causes.known import FAULTLESS, Case, Outcome, cases_of, confusion, on_loop
from harness.causes.symptoms import symptoms_of
from harness.machine.placement import find_place, taking_place
from harness.measure.rig import Rig, Setup, open_rig
from harness.plan.knobs import LoopName
from harness.plan.options import RunOptions
from harness.plan.plan import Plan, Trial, Window, unloaded_of
from harness.plan.planning import make_plan
from harness.plan.schedule import Schedule
from harness.record.run import RECORDED, RecordedTrial
from harness.record.run_directory import DIAGNOSIS, make_directory
from harness.report.announcer import Announcer
from harness.report.terminal import plain_table
from harness.stats.figures import duration_ms

ALONE: Final = Window(warmup_s=0.2, window_s=0.5)
QUIET: Final = Window(warmup_s=0.2, window_s=1.0)
LOADED: Final = Window(warmup_s=0.3, window_s=1.4, drain_s=6.0)
STUCK: Final = Window(warmup_s=0.3, window_s=3.0, drain_s=0.5)
LONGEST_S: Final = 5.0
CLOSES: Final = 0.10
"""The account of a request closes if less than this share of its latency is missing from it, or too much."""
ONE_LOOP: Final = frozenset({"compute", "garbage", "hidden", "locked", "pool", "serialise", "unwatched"})
"""Faults that are tried on uvloop only, to save time: they are those of others, or have nothing to do with the loop."""
PACKAGES: Final[tuple[Package, ...]] = ("workloads", "faults")


def check_diagnosis(*, out: Path, seed: int) -> int:
    """Diagnose every case, print the confusion matrix and the missed cases, and return 0 if all agree, else 1.

    Raises:
        BenchError: something that it needs could not be started, or was lost.
    """
    setup, console = Setup(find_place()), Console(highlight=False)
    directory = make_directory(out, "selfcheck-diagnosis", datetime.now(UTC))
    outcomes: list[Outcome] = []
    for package in PACKAGES:
        workloads = discover(package)
        cases = cases_of(package, workloads)
        if package == "faults":
            # What a loop has to do with a fault shows under load; the workloads are compared on one loop.
            cases = (*cases, *on_loop((case for case in cases if case.workload not in ONE_LOOP), "asyncio"))
        known = {case.workload for case in cases}
        plan = make_plan(
            {name: each for name, each in workloads.items() if name in known}, RunOptions(seed=seed, diagnose=True)
        )
        plan = replace(plan, package=package)
        console.print(f"{package}: {len(cases)} cases, recorded in {directory}.", soft_wrap=True)
        with (
            taking_place(setup.placement),
            open_rig(Schedule(plan), setup, Announcer(console), directory / "logs") as rig,
        ):
            for outcome in outcomes_of(rig, plan, cases, directory / DIAGNOSIS / package):
                outcomes.append(outcome)
                console.print(_line(outcome), soft_wrap=True)
    _print(outcomes, console)
    return 0 if all(outcome.agrees for outcome in outcomes) else 1


def outcomes_of(rig: Rig, plan: Plan, cases: Sequence[Case], directory: Path) -> Iterator[Outcome]:
    """Diagnose each case on the rig, save its trials in `directory`, and yield its outcome."""
    directory.mkdir(parents=True, exist_ok=True)
    alone: dict[tuple[str, LoopName], RecordedTrial] = {}
    waits = {workload.name: workload.wait_s if workload.outbound else None for workload in plan.workloads}
    number = 0

    def run(trial: Trial, window: Window) -> RecordedTrial:
        seen = rig.profile(trial, window, window.window_s if window == STUCK else LONGEST_S)
        recorded = RecordedTrial(trial, seen.result, None, seen.telemetry)
        (directory / f"{trial.number:04}.json").write_bytes(RECORDED.dump_json(recorded))
        return recorded

    for case in cases:
        key = case.name, case.level.knobs.loop
        if key not in alone:
            number += 1
            alone[key] = run(Trial(number, 0, case.workload, case.variant, unloaded_of(case.level)), ALONE)
        number += 1
        window = STUCK if case.expected == "deadlock" else LOADED if case.level.rate_rps is None else QUIET
        loaded = run(Trial(number, 0, case.workload, case.variant, case.level), window)
        path = f"/{case.name}"
        before, after = symptoms_of(alone[key], path), symptoms_of(loaded, path)
        yield _outcome(case, diagnose(before, after, waits[case.workload]), account_of(after, loaded.result))


def _outcome(case: Case, found: Diagnosis, account: LatencyAccount | None) -> Outcome:
    first = found.first
    site = first.site if first else None
    causes = "; ".join(
        f"{each.name}{'' if each.share is None else f' {each.share:.0%}'}{f' at {each.site}' if each.site else ''}"
        for each in found.causes
    )
    added = f"+{duration_ms(found.queueing_s * 1000)} ms on {duration_ms(found.unloaded_s * 1000)}"
    detail = found.unknown or f"{added}: {causes or 'no cause'}"
    if found.unexplained > UNEXPLAINED:
        detail += f"; {found.unexplained:.0%} unexplained"
    return Outcome(
        case=case,
        found=first.name if first else None,
        share=first.share if first else None,
        function=site.function if site else None,
        detail=detail,
        residual=account.residual if account is not None else None,
    )


def _line(outcome: Outcome) -> str:
    mark = "[green]agrees[/]" if outcome.agrees else "[bold red]MISSES[/]"
    rest = "" if outcome.residual is None else f" [dim](account {outcome.residual:+.0%})[/]"
    return f"{mark}  {outcome.case.name}, {outcome.case.level}: {escape(outcome.detail)}{rest}"


def _print(outcomes: Sequence[Outcome], console: Console) -> None:
    agreed = sum(outcome.agrees for outcome in outcomes)
    counts = confusion(outcomes)
    names = sorted({name for pair in counts for name in pair}, key=lambda name: (name == FAULTLESS, name))
    table = plain_table(f"{agreed} of {len(outcomes)} cases were diagnosed as known")
    table.add_column("is")
    table.add_column("found as", justify="right", style="dim")
    for number in range(1, len(names) + 1):
        table.add_column(str(number), justify="right")
    for number, expected in enumerate(names, start=1):
        table.add_row(expected, str(number), *(str(counts.get((expected, found), "·")) for found in names))
    console.print()
    console.print(table)
    _print_residuals(outcomes, console)
    for outcome in outcomes:
        if not outcome.agrees:
            wanted = outcome.case.expected or FAULTLESS
            where = f" in {outcome.case.function}" if outcome.case.function else ""
            console.print(
                f"[bold red]missed[/] {outcome.case.name}, {outcome.case.level}: is {wanted}{where}; "
                f"{escape(outcome.detail)}",
                soft_wrap=True,
            )


def _print_residuals(outcomes: Sequence[Outcome], console: Console) -> None:
    """Print in how many cases the account of a request closes, and those in which it does not."""
    known = [(outcome, outcome.residual) for outcome in outcomes if outcome.residual is not None]
    open_ones = [(outcome, residual) for outcome, residual in known if abs(residual) >= CLOSES]
    console.print(
        f"The account of a request's latency closes to less than {CLOSES:.0%} in {len(known) - len(open_ones)} of "
        f"{len(known)} cases; in {len(outcomes) - len(known)} nothing was answered.",
        soft_wrap=True,
    )
    for outcome, residual in open_ones:
        console.print(f"  {outcome.case.name}, {outcome.case.level}: {residual:+.0%}", soft_wrap=True)
