"""A session from start to end: every trial of the plan on the rig, each saved when it ends."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Protocol

from harness.calibration import read_calibration
from harness.child import PROJECT
from harness.exceptions import BadInputError, BenchError, StoppedError
from harness.level import Level
from harness.machine import facts
from harness.pace import pace_ms
from harness.plan import Plan, Trial
from harness.record import Manifest, Record, RecordedTrial, Run, make_directory
from harness.rig import Audience, Site, open_rig
from harness.serve import OPTIONS
from harness.services import POOL_SIZE


class Watcher(Audience, Protocol):
    """Whoever wants to know how far the session is."""

    def replanned(self, plan: Plan) -> None: ...

    def trial_starts(self, trial: Trial) -> None: ...

    def trial_ended(self, recorded: RecordedTrial) -> None: ...


def conduct(
    plan: Plan,
    watcher: Watcher,
    site: Site,
    *,
    out: Path,
    name: str,
    command: str,
) -> Path:
    """Run the plan; returns the run's directory, which holds every trial that ended.

    Raises:
        BenchError: something that the session needs cannot be had, or was lost on the way.
    """
    started = datetime.now(UTC)
    directory = make_directory(out, name, started)
    machine = facts(PROJECT)
    manifest = Manifest(
        schema=1,
        started=started,
        command=command,
        plan=plan,
        machine=machine,
        placement=site.placement,
        server={} if site.target else OPTIONS | {"pool size": POOL_SIZE},
        database=None,
        calibration=read_calibration(out, machine),
        target=", ".join(site.target) or None,
    )
    _carry_out(Record(directory, manifest), watcher, site, ())
    return directory


def resume(run: Run, watcher: Watcher, site: Site) -> None:
    """Run what is left of a recorded run's plan; each trial is saved beside those that it has.

    Raises:
        BenchError: something that the session needs cannot be had, or was lost on the way.
    """
    _carry_out(Record(run.directory, run.manifest), watcher, site, run.trials)


def _carry_out(record: Record, watcher: Watcher, site: Site, done: Sequence[RecordedTrial]) -> None:
    kept = len(done)
    try:
        for recorded in _session(record.manifest.plan, watcher, record, site, done):
            record.save(recorded)
            kept += 1
            watcher.trial_ended(recorded)
    except BenchError as error:
        raise type(error)(f"{error} {_kept(record, kept, discard=isinstance(error, BadInputError))}".strip()) from error
    except KeyboardInterrupt:
        raise StoppedError(f"Stopped. {_kept(record, kept, discard=True)}".strip()) from None
    record.note(ended=datetime.now(UTC))


def _session(
    plan: Plan, watcher: Watcher, record: Record, site: Site, done: Sequence[RecordedTrial]
) -> Iterator[RecordedTrial]:
    with open_rig(plan, site, watcher, record.logs) as rig:
        record.note(verifications=rig.verifications, database=rig.database, workers=rig.workers)
        seen: Seen = {}
        for recorded in done:
            _note(seen, recorded)
        numbers = {recorded.trial.number for recorded in done}
        for trial in _trials(plan, watcher, record, seen):
            if trial.number in numbers:
                continue
            watcher.trial_starts(trial)
            pace = pace_ms(site.placement.server) if site.placement.server else None
            recorded = RecordedTrial(trial, rig.run(trial), pace)
            _note(seen, recorded)
            yield recorded


Seen = dict[tuple[str, str], dict[Level, list[float]]]


def _note(seen: Seen, recorded: RecordedTrial) -> None:
    trial, result = recorded.trial, recorded.result
    if not result.lost:
        at = seen.setdefault((trial.workload, trial.variant), {}).setdefault(trial.level, [])
        at.append(result.completed / result.window_s)


def _trials(plan: Plan, watcher: Watcher, record: Record, seen: Seen) -> Iterator[Trial]:
    """The plan's trials; then those of the step at an equal rate, which follow from what the others have shown.

    `seen` holds the throughputs of each (workload, variant) by level, and grows while the trials are taken from here.
    """
    yield from plan.trials
    if plan.iso or not plan.iso_pairs:
        return
    carried = {variant: max(median(rates) for rates in levels.values()) for variant, levels in seen.items()}
    last = plan.at_equal_rates(carried)
    record.note(plan=last)
    watcher.replanned(last)
    yield from last.trials[len(plan.trials) :]


def _kept(record: Record, trials: int, *, discard: bool) -> str:
    """What is left of a run that did not end; an empty directory is not worth leaving behind."""
    directory = record.directory
    if trials:
        count = f"{trials} of {len(record.manifest.plan.trials)} trials are kept"
        return (
            f"{count} in {directory}; `python bench.py report {directory}` makes their page, "
            f"`python bench.py run --resume {directory}` goes on."
        )
    if discard:
        shutil.rmtree(directory, ignore_errors=True)
        return "Nothing was measured yet."
    return ""
