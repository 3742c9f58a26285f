"""A session from start to end: it runs every trial of the schedule on the rig, and saves each when it ends."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Protocol

from harness.exceptions import BadInputError, BenchError, StoppedError
from harness.machine.core import core_speed_ms
from harness.machine.facts import facts
from harness.machine.placement import Placement
from harness.measure.pilot import tune
from harness.measure.rig import Audience, Rig, Setup, open_rig
from harness.measure.server import options
from harness.measure.stopping import is_look, is_precise
from harness.plan.level import Level
from harness.plan.plan import Plan, Trial, Window
from harness.plan.schedule import PILOT_WARMUP_S, Confirmation, Found, Schedule, Stop
from harness.record.calibration import read_calibration
from harness.record.command_line import program
from harness.record.run import SCHEMA, Manifest, Record, RecordedTrial, Run
from harness.record.run_directory import make_directory
from harness.record.validation import read_validation
from scenarios.wire.protocol import TrialResult


class Watcher(Audience, Protocol):
    """The view of a session's progress."""

    def piloting(self, trial: Trial) -> None: ...

    def rescheduled(self, schedule: Schedule) -> None: ...

    def trial_starts(self, trial: Trial) -> None: ...

    def trial_ended(self, recorded: RecordedTrial) -> None: ...


def run_session(
    plan: Plan,
    watcher: Watcher,
    setup: Setup,
    *,
    out: Path,
    name: str,
    command: str,
) -> Path:
    """Run the plan, and return the run's directory, which holds every trial that ended.

    Raises:
        BenchError: something that the session needs could not be started, or was lost.
    """
    started = datetime.now(UTC)
    directory = make_directory(out, name, started)
    machine = facts(setup.placement)
    manifest = Manifest(
        schema=SCHEMA,
        started=started,
        command=command,
        plan=plan,
        machine=machine,
        placement=setup.placement,
        server={} if setup.target else options(level.knobs for level in plan.levels),
        database=None,
        calibration=read_calibration(out, machine),
        validation=read_validation(out, machine),
        target=setup.target,
        workloads_dir=None if setup.workloads_dir is None else str(setup.workloads_dir.resolve()),
    )
    _carry_out(Record(directory, manifest), watcher, setup, ())
    return directory


def continue_session(run: Run, watcher: Watcher, setup: Setup) -> None:
    """Run the missing trials of a recorded run, and save each beside those that it has.

    Raises:
        BenchError: something that the session needs could not be started, or was lost.
    """
    _carry_out(Record(run.directory, run.manifest), watcher, setup, run.trials, run.diagnosed)


def confirm(run: Run, confirmations: Sequence[Confirmation], watcher: Watcher, setup: Setup) -> None:
    """Measure each changed setting beside the former one, and save these trials with the run's other trials.

    Raises:
        BenchError: something that the session needs could not be started, or was lost.
    """
    found = replace(run.manifest.found, confirmations=tuple(confirmations))
    record = Record(run.directory, replace(run.manifest, found=found, ended=None))
    watcher.rescheduled(record.manifest.schedule)
    _carry_out(record, watcher, setup, run.trials, run.diagnosed)


def _carry_out(
    record: Record,
    watcher: Watcher,
    setup: Setup,
    done: Sequence[RecordedTrial],
    diagnosed: Sequence[RecordedTrial] = (),
) -> None:
    kept = len(done)
    try:
        with open_rig(record.manifest.schedule, setup, watcher, record.logs) as rig:
            record.note(verifications=rig.verifications, database=rig.database, workers=rig.workers)
            for recorded in Session(record, watcher, rig, setup.placement, done, diagnosed).trials():
                record.save(recorded)
                kept += 1
                watcher.trial_ended(recorded)
    except BenchError as error:
        raise type(error)(f"{error} {_kept(record, kept, discard=isinstance(error, BadInputError))}".strip()) from error
    except KeyboardInterrupt:
        raise StoppedError(f"Stopped. {_kept(record, kept, discard=True)}".strip()) from None
    record.note(ended=datetime.now(UTC))


class Session:
    """The trials of a plan. The session completes it: windows by the pilot, early stops, the step at an equal rate."""

    def __init__(
        self,
        record: Record,
        watcher: Watcher,
        rig: Rig,
        placement: Placement,
        done: Sequence[RecordedTrial],
        diagnosed: Sequence[RecordedTrial] = (),
    ) -> None:
        self._record = record
        self._watcher = watcher
        self._rig = rig
        self._placement = placement
        self._trials = list(done)
        self._diagnosed = list(diagnosed)

    @property
    def _plan(self) -> Plan:
        return self._record.manifest.plan

    @property
    def _schedule(self) -> Schedule:
        return self._record.manifest.schedule

    def trials(self) -> Iterator[RecordedTrial]:
        """Run each trial that is not done yet, and yield it."""
        if self._plan.diagnose:
            self._diagnose()
        if self._plan.pilot_s and not self._schedule.found.tuned:
            self._reschedule(tune(self._schedule, self._seen() if self._plan.diagnose else self._piloted()).found)
        yield from self._left()
        if self._plan.iso_pairs and not self._schedule.found.iso:
            self._reschedule(self._schedule.at_equal_rates(self._carried()).found)
            yield from self._left()

    def _left(self) -> Iterator[RecordedTrial]:
        done = {recorded.trial.number for recorded in self._trials}
        for trial in self._schedule.trials:
            if trial.number in done or self._is_stopped(trial):
                continue
            self._watcher.trial_starts(trial)
            speed_ms = core_speed_ms(self._placement.server) if self._placement.server else None
            seen = self._rig.run(trial, self._schedule.window_of(trial.workload, trial.level))
            self._trials.append(RecordedTrial(trial, seen.result, speed_ms, seen.telemetry))
            yield self._trials[-1]
            self._look(trial)

    def _diagnose(self) -> None:
        """Profile each variant on an instrumented server, unloaded and under each load, before the measured trials."""
        done = {recorded.trial.number for recorded in self._diagnosed}
        self._watcher.stage("profiling each variant")
        for trial in self._schedule.diagnostics:
            if trial.number in done:
                continue
            self._watcher.piloting(trial)
            seen = self._rig.profile(trial, self._schedule.diagnostic_window(trial.level), self._plan.longest_s)
            self._diagnosed.append(RecordedTrial(trial, seen.result, None, seen.telemetry))
            self._record.save_diagnosis(self._diagnosed[-1])

    def _seen(self) -> dict[tuple[str, Level], list[TrialResult]]:
        """Return the results of the profiled trials at each level, which replace those of a pilot."""
        seen: dict[tuple[str, Level], list[TrialResult]] = {}
        for recorded in self._diagnosed:
            if recorded.trial.level in self._plan.levels:
                seen.setdefault((recorded.trial.workload, recorded.trial.level), []).append(recorded.result)
        return seen

    def _piloted(self) -> dict[tuple[str, Level], list[TrialResult]]:
        """Run a short trial of each variant at each level; only the windows that follow from them are kept."""
        plan = self._plan
        window = Window(PILOT_WARMUP_S, plan.pilot_s)
        seen: dict[tuple[str, Level], list[TrialResult]] = {}
        variants = [(workload, variant) for workload in plan.workloads for variant in workload.variants]
        self._watcher.stage("a pilot of each variant")
        for level in plan.levels:
            for workload, variant in variants:
                trial = Trial(0, 0, workload.name, variant.name, level)
                self._watcher.piloting(trial)
                seen.setdefault((workload.name, level), []).append(self._rig.run(trial, window).result)
        return seen

    def _carried(self) -> dict[tuple[str, str], float]:
        """Return the throughput of each (workload, variant) in requests a second: the highest median of a level."""
        seen: dict[tuple[str, str], dict[Level, list[float]]] = {}
        for recorded in self._trials:
            trial, result = recorded.trial, recorded.result
            if not result.lost:
                at = seen.setdefault((trial.workload, trial.variant), {}).setdefault(trial.level, [])
                at.append(result.throughput_rps)
        return {variant: max(median(rates) for rates in levels.values()) for variant, levels in seen.items()}

    def _look(self, last: Trial) -> None:
        """Stop the comparison if it is precise, after each block at which that is checked."""
        plan, key, blocks = self._plan, (last.workload, last.level), last.block + 1
        if last.block >= plan.most_blocks or not is_look(plan, blocks) or self._is_open(last):
            return
        if is_precise(self._schedule, *key, self._trials, self._placement):
            found = self._schedule.found
            self._reschedule(replace(found, stops=(*found.stops, Stop(*key, blocks))))

    def _is_open(self, last: Trial) -> bool:
        """Return whether a trial up to this one's block is missing."""
        done = {recorded.trial.number for recorded in self._trials}
        return any(
            trial.number not in done
            for trial in self._schedule.trials
            if (trial.workload, trial.level) == (last.workload, last.level) and trial.block <= last.block
        )

    def _is_stopped(self, trial: Trial) -> bool:
        return any(
            (stop.workload, stop.level) == (trial.workload, trial.level) and trial.block >= stop.blocks
            for stop in self._schedule.found.stops
        )

    def _reschedule(self, found: Found) -> None:
        self._record.note(found=found)
        self._watcher.rescheduled(self._schedule)


def _kept(record: Record, trials: int, *, discard: bool) -> str:
    """Return what is kept of an interrupted run, and remove an empty directory if `discard` is set."""
    directory = record.directory
    if trials:
        count = f"{trials} of {len(record.manifest.schedule.trials)} trials are kept"
        return (
            f"{count} in {directory}; `{program()} report {directory}` writes their page, "
            f"`{program()} run --resume {directory}` continues the run."
        )
    if discard:
        shutil.rmtree(directory, ignore_errors=True)
        return "Nothing was measured yet."
    return ""
