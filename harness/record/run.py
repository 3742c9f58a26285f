"""A run on disk: measuring writes it, and judging only reads it.

reports/20261123T141500Z-quick/
    run.json          plan, machine, placement, verification, command
    diagnosis/0001.json   one file for each trial that profiles; they precede the others
    trials/0001.json  one file for each trial, written when it ends
    logs/             the output of each process
    report.html, summary.json, charts/    made from the files above
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from pydantic import TypeAdapter, ValidationError

from harness.exceptions import BadInputError
from harness.machine.machine import Machine
from harness.machine.placement import Placement
from harness.plan.plan import Plan, Trial
from harness.plan.schedule import Found, Schedule
from harness.record.calibration import Calibration
from harness.record.run_directory import DIAGNOSIS, MANIFEST, TRIALS
from harness.record.schema_1 import manifest_of, trial_of
from harness.record.telemetry import Telemetry
from harness.record.validation import Validation
from scenarios.wire.histogram import BINS
from scenarios.wire.protocol import TrialResult

SCHEMA: Final = 2

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of a variant to one request of its mix; `body` is cut to a readable sample."""

    path: str
    status: int
    body: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What one variant did without load.

    `statements` and `upstream_calls` are for one round of the mix; None where nothing counts them. `problems` has a
    sentence for each way in which the variant is not what it claims to be; empty means verified. `remarks` are worth
    knowing and no problem.
    """

    workload: str
    variant: str
    answers: tuple[Answer, ...]
    thread: str
    statements: float | None
    upstream_calls: float | None
    problems: tuple[str, ...]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """Which PostgreSQL the variants used: its version, and whether the run started it or --dsn named it."""

    version: str
    embedded: bool

    def __str__(self) -> str:
        """Return the database's name and version on one line."""
        return f"PostgreSQL {self.version}, {'embedded' if self.embedded else 'given by --dsn'}"


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything about a run but its trials. `ended` is None while it goes on, and stays so if it is interrupted.

    `validation` is the result of an earlier check of the instrument on this machine, None where there is none. `target`
    names the servers under load that the run did not start. `workers` names the load processes of other machines.
    """

    schema: Literal[2]
    started: datetime
    command: str
    plan: Plan
    machine: Machine
    placement: Placement
    server: dict[str, Any]
    database: DatabaseFacts | None
    found: Found = field(default_factory=Found)
    verifications: tuple[Verification, ...] = ()
    calibration: Calibration | None = None
    ended: datetime | None = None
    target: tuple[str, ...] = ()
    workers: tuple[str, ...] = ()
    validation: Validation | None = None
    workloads_dir: str | None = None

    @property
    def schedule(self) -> Schedule:
        """The trials of the plan, given what the run has found out."""
        return Schedule(self.plan, self.found)


@dataclass(frozen=True, slots=True)
class RecordedTrial:
    """A trial and its result.

    `core_speed_ms` is the time of a fixed loop on the server's core just before the trial. `telemetry` is what the
    server's probe recorded meanwhile, None where it recorded nothing.
    """

    trial: Trial
    result: TrialResult
    core_speed_ms: float | None = None
    telemetry: Telemetry | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Run:
    """A run as read from disk. `diagnosed` holds the trials that profiled; no measured figure includes them."""

    directory: Path
    manifest: Manifest
    trials: tuple[RecordedTrial, ...] = field(repr=False)
    diagnosed: tuple[RecordedTrial, ...] = field(default=(), repr=False)

    @property
    def is_complete(self) -> bool:
        return len(self.trials) == len(self.manifest.schedule.trials)


MANIFESTS: Final = TypeAdapter(Manifest)
RECORDED: Final = TypeAdapter(RecordedTrial)


class Record:
    """A run directory that is being written. Every file appears whole or not at all."""

    def __init__(self, directory: Path, manifest: Manifest) -> None:
        self.directory = directory
        self.manifest = manifest
        self._save_manifest()

    @property
    def logs(self) -> Path:
        return self.directory / "logs"

    def note(self, **facts: Any) -> None:
        """Set these fields of the manifest, and write it."""
        self.manifest = replace(self.manifest, **facts)
        self._save_manifest()

    def save(self, recorded: RecordedTrial) -> None:
        """Write one trial at once, so that an interruption of the run cannot lose it."""
        self._save(TRIALS, recorded)

    def save_diagnosis(self, recorded: RecordedTrial) -> None:
        """Write one trial that profiles."""
        self._save(DIAGNOSIS, recorded)

    def _save(self, folder: str, recorded: RecordedTrial) -> None:
        (self.directory / folder).mkdir(exist_ok=True)
        _write(self.directory / folder / f"{recorded.trial.number:04}.json", RECORDED.dump_json(recorded))

    def _save_manifest(self) -> None:
        _write(self.directory / MANIFEST, MANIFESTS.dump_json(self.manifest, indent=1))


def read_run(directory: Path) -> Run:
    """Return the run recorded in `directory`.

    Raises:
        BadInputError: it is not a run directory or has no finished trial, a later version wrote it, or one of its files
            is damaged or belongs to another run.
    """
    path = directory / MANIFEST
    if not path.is_file():
        raise BadInputError(
            f"{directory} holds no run (there is no {MANIFEST} in it): give a directory that `bench.py run` has made."
        )
    manifest = _parsed(path, MANIFESTS, manifest_of)
    files = sorted((directory / TRIALS).glob("[0-9]*.json"))
    trials = [_parsed(file, RECORDED, trial_of) for file in files]
    for file, recorded in zip(files, trials, strict=True):
        if file.stem != f"{recorded.trial.number:04}" or not _is_possible(recorded.result):
            raise BadInputError(f"{file} is damaged: this program does not write such a trial; remove the file.")
    planned = {trial.number: trial for trial in manifest.schedule.trials}
    for recorded in trials:
        if planned.get(recorded.trial.number) != recorded.trial:
            raise BadInputError(
                f"{directory}: trial {recorded.trial.number} is not one of this run's plan; "
                "the directory holds files of two runs, so take the foreign ones out."
            )
    if not trials:
        raise BadInputError(f"{directory} holds no finished trial: there is nothing to report yet.")
    return Run(directory, manifest, tuple(trials), tuple(_diagnosed(directory)))


def _diagnosed(directory: Path) -> Iterator[RecordedTrial]:
    """Yield the trials that profiled, without damaged ones: only the causes depend on them."""
    for file in sorted((directory / DIAGNOSIS).glob("[0-9]*.json")):
        with contextlib.suppress(BadInputError):
            recorded = _parsed(file, RECORDED, trial_of)
            if _is_possible(recorded.result):
                yield recorded


def _is_possible(result: TrialResult) -> bool:
    """Return whether a trial can have these figures, which their types do not ensure."""
    felt = [each for victim in result.victims.values() for each in (victim.latency, victim.censored)]
    distributions = [result.latency, result.service, result.lag, result.failed_latency, *felt]
    return (
        result.window_s > 0
        and min(result.completed, result.dropped, result.connected, *result.failures.values(), 0) >= 0
        and "load" in result.cpu_s
        and all(
            sum(count for _, count in distribution.bins) == distribution.n
            and all(0 <= index < BINS and count > 0 for index, count in distribution.bins)
            for distribution in distributions
        )
    )


def _parsed(path: Path, adapter: TypeAdapter[T], present: Callable[[dict[str, Any]], dict[str, Any]]) -> T:
    """Return the content of a file of this version or the one before, which `present` converts to this schema.

    Raises:
        BadInputError: the file cannot be read, is damaged, or was written by a later version.
    """
    try:
        raw = json.loads(path.read_bytes())
        if not isinstance(raw, dict):
            raise BadInputError(f"{path} is damaged or of another version (it holds no object): remove the file.")
        if isinstance(raw.get("schema"), int) and raw["schema"] > SCHEMA:
            raise BadInputError(
                f"{path} was written by a later version of this program (schema {raw['schema']}; this one reads "
                f"{SCHEMA} and before): report it with that version."
            )
        # Validated as JSON again, because JSON has lists where Python has tuples.
        return adapter.validate_json(json.dumps(present(raw)))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if not isinstance(error, ValidationError):
            raise BadInputError(
                f"{path} is damaged or of another version ({type(error).__name__}: {error}): "
                "remove the file if it is one trial, or report another run."
            ) from None
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise BadInputError(
            f"{path} is damaged or of another version ({where}: {first['msg']}): "
            "remove the file if it is one trial, or report another run."
        ) from None
    except OSError as error:
        raise BadInputError(f"{path} cannot be read ({error.strerror}).") from None


def _write(path: Path, content: bytes) -> None:
    partial = path.with_suffix(".partial")
    partial.write_bytes(content)
    partial.replace(path)


def to_json(value: object) -> str:
    """Return the value as indented JSON.

    Raises:
        ValueError: a number is infinite or NaN, which JSON does not have.
    """
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
