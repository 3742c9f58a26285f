"""`bench.py selfcheck`: check the whole instrument against comparisons whose answer is known, on this machine."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from bench_app.discovery import discover
from harness.judge.controls import CONTROLS, HOGGED_BLOCK, Control, spread
from harness.judge.findings import Findings, find
from harness.machine.facts import facts
from harness.machine.machine import Machine
from harness.machine.placement import Placement, find_place, taking_place
from harness.measure.child import Child
from harness.measure.rig import Rig, Setup, open_rig
from harness.measure.server import options
from harness.measure.session import Session
from harness.plan.level import Level
from harness.plan.options import RunOptions
from harness.plan.plan import Plan, Trial, Window
from harness.plan.planning import make_plan
from harness.plan.schedule import Schedule
from harness.record.run import SCHEMA, Manifest, Record, RecordedTrial, Verification, read_run
from harness.record.run_directory import beside_the_runs, make_directory
from harness.record.validation import FILE, VALIDATIONS, Outcome, Validation
from harness.report import wording
from harness.report.terminal import plain_table

STOPPED_S: Final = 0.03
RUNNING_S: Final = 0.03
UNHINDERED: Final = Window(warmup_s=1.0, window_s=3.0)
EXTRA_S: Final = 0.25


def selfcheck(*, out: Path, seed: int, command: str) -> int:
    """Run all controls, print the table, save it in `out`, and return 0 if each came out as known, else 1.

    The recorded runs are kept below `out`, so that `bench.py report` can show what a control measured.

    Raises:
        BenchError: something that it needs could not be started, or was lost.
    """
    path = beside_the_runs(out, FILE)
    if not path.stat().st_size:
        path.unlink()
    setup, console = Setup(find_place()), Console(highlight=False)
    plan = replace(
        make_plan(discover("controls"), RunOptions(seconds=1.0, warmup=0.2, blocks=2, seed=seed, diagnose=False)),
        package="controls",
    )
    directory = make_directory(out, "selfcheck", datetime.now(UTC))
    console.print(
        f"{len(CONTROLS)} controls in {sum(control.sessions for control in CONTROLS)} sessions: about "
        f"{wording.minutes(sum(map(_expected_s, CONTROLS)))}. Recorded in {directory}.",
        soft_wrap=True,
    )
    machine = facts(setup.placement)
    with (
        taking_place(setup.placement),
        Display(console) as display,
        open_rig(Schedule(plan), setup, display, directory / "logs") as rig,
    ):
        checker = Checker(plan, setup, rig, display, directory, command, machine)
        outcomes = []
        found: dict[str, list[Findings]] = {}
        for control in CONTROLS:
            outcome, found[control.name] = checker.check(control)
            outcomes.append(outcome)
            display.told(outcome)
    validation = Validation(
        outcomes=tuple(outcomes),
        waiting=round(spread(found["same, waiting"]), 5),
        busy=round(spread(found["same, busy"]), 5),
        measured=datetime.now(UTC),
        machine=machine,
    )
    path.write_bytes(VALIDATIONS.dump_json(validation, indent=1))
    _print(validation, path, console)
    return 0 if validation.passed == len(outcomes) else 1


def _expected_s(control: Control) -> float:
    each_s = control.warmup_s + control.window_s + EXTRA_S
    return control.sessions * control.blocks * 2 * each_s + (
        2 * (UNHINDERED.warmup_s + UNHINDERED.window_s) if control.unhindered else 0
    )


class Display:
    """The display of the running control and its progress; the rig reports to it, too."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console, transient=True
        )
        self._task = self._bar.add_task("starting", total=sum(map(_expected_s, CONTROLS)))

    def __enter__(self) -> Display:
        if self._console.is_terminal:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def stage(self, sentence: str) -> None:
        self._bar.update(self._task, description=sentence)

    def verified(self, verifications: tuple[Verification, ...]) -> None: ...

    def session(self, control: Control, number: int) -> None:
        self._bar.update(self._task, description=f"{control.name}, session {number} of {control.sessions}")

    def trial_ended(self, control: Control) -> None:
        self._bar.advance(self._task, control.warmup_s + control.window_s + EXTRA_S)

    def told(self, outcome: Outcome) -> None:
        mark = "[green]as known[/]" if outcome.passed else "[bold red]WRONG[/]"
        self._console.print(f"{mark}  {outcome.control}: {escape(outcome.found)}", soft_wrap=True)


class Checker:
    """The runner of a control's sessions on the rig, with the disturbance that the control asks for."""

    def __init__(
        self, plan: Plan, setup: Setup, rig: Rig, display: Display, directory: Path, command: str, machine: Machine
    ) -> None:
        self._plan = plan
        self._setup = setup
        self._rig = rig
        self._display = display
        self._directory = directory
        self._command = command
        self._machine = machine

    def check(self, control: Control) -> tuple[Outcome, list[Findings]]:
        """Run a control, and return its outcome and the findings of its sessions."""
        workloads = tuple(workload for workload in self._plan.workloads if workload.name == control.workload)
        plan = replace(
            self._plan,
            workloads=workloads,
            levels=(Level(control.users),),
            blocks=control.blocks,
            max_blocks=control.blocks,
            warmup_s=control.warmup_s,
            window_s=control.window_s,
        )
        overhead = self._overhead(plan, Level(control.unhindered)) if control.unhindered else 1.0
        found = []
        for number in range(1, control.sessions + 1):
            self._display.session(control, number)
            found.append(self._session(control, replace(plan, seed=plan.seed + number), number))
        return control.outcome(found, overhead), found

    def _overhead(self, plan: Plan, level: Level) -> float:
        """Return baseline/contender of the mean latencies at this level: 1 if both waits last as declared."""
        (pair,) = plan.pairs
        baseline, contender = (
            self._rig.run(Trial(0, 0, pair.workload, variant, level), UNHINDERED).result.latency.mean_us or 0.0
            for variant in (pair.baseline, pair.contender)
        )
        return baseline / contender if contender else 1.0

    def _session(self, control: Control, plan: Plan, number: int) -> Findings:
        started = datetime.now(UTC)
        name = control.name.replace(" %", "-percent").replace(",", "").replace(" ", "-").lower()
        directory = self._directory / (f"{name}-{number:02}" if control.sessions > 1 else name)
        (directory / "trials").mkdir(parents=True)
        record = Record(
            directory,
            Manifest(
                schema=SCHEMA,
                started=started,
                command=self._command,
                plan=plan,
                machine=self._machine,
                placement=self._setup.placement,
                server=options(),
                database=None,
                verifications=tuple(each for each in self._rig.verifications if each.workload == control.workload),
            ),
        )
        with _Disturber(control, self._rig, self._setup.placement, directory) as disturber:
            for recorded in Session(record, disturber, self._rig, self._setup.placement, ()).trials():
                record.save(recorded)
                disturber.trial_ended(recorded)
                self._display.trial_ended(control)
        record.note(ended=datetime.now(UTC))
        return find(read_run(directory))


class _Disturber:
    """A watcher that disturbs the trials of its control on purpose, so that the guards must notice."""

    def __init__(self, control: Control, rig: Rig, placement: Placement, directory: Path) -> None:
        self._disturbance = control.disturbance
        self._rig = rig
        self._placement = placement
        self._directory = directory
        self._running = contextlib.ExitStack()

    def __enter__(self) -> _Disturber:
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def stage(self, sentence: str) -> None: ...

    def verified(self, verifications: tuple[Verification, ...]) -> None: ...

    def piloting(self, trial: Trial) -> None: ...

    def rescheduled(self, schedule: Schedule) -> None: ...

    def trial_starts(self, trial: Trial) -> None:
        if self._disturbance == "hog" and trial.block == HOGGED_BLOCK:
            command = [sys.executable, "-c", "while True: pass"]
            log = self._directory / "hog.log"
            self._running.enter_context(Child("CPU hog", command, cores=self._placement.server, log=log))
        elif self._disturbance == "throttle":
            self._running.enter_context(_throttled(self._rig.load_pid))

    def trial_ended(self, recorded: RecordedTrial) -> None:
        self._running.close()


@contextlib.contextmanager
def _throttled(pid: int) -> Iterator[None]:
    """Stop and continue the process in turns of a few hundredths of a second, half of the time each."""
    over = threading.Event()

    def alternate() -> None:
        with contextlib.suppress(ProcessLookupError):
            while not over.wait(RUNNING_S):
                os.kill(pid, signal.SIGSTOP)
                try:
                    over.wait(STOPPED_S)
                finally:
                    os.kill(pid, signal.SIGCONT)

    thread = threading.Thread(target=alternate, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _print(validation: Validation, path: Path, console: Console) -> None:
    table = plain_table(f"{validation.passed} of {len(validation.outcomes)} controls came out as known")
    table.add_column("control", no_wrap=True)
    table.add_column("must be")
    table.add_column("was")
    table.add_column("", no_wrap=True)
    for outcome in validation.outcomes:
        mark = "[green]as known[/]" if outcome.passed else "[bold red]WRONG[/]"
        table.add_row(outcome.control, escape(outcome.expected), escape(outcome.found), mark)
    console.print()
    console.print(table)
    console.print()
    for line in wording.smallest_differences(validation):
        console.print(line)
    console.print(
        f"Saved as {shlex.quote(str(path))}; `run` uses it while the machine stays the same.",
        style="dim",
        soft_wrap=True,
    )
