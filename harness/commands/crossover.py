"""`bench.py crossover`: the level of users, or of a declared wait, at which the better of two variants changes."""

from __future__ import annotations

import contextlib
import random
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from bench_app.discovery import discover
from harness.exceptions import BadInputError, BenchError, StoppedError, in_range, unknown
from harness.judge.crossing import MOST_FURTHER, grid, next_level
from harness.judge.crossover import (
    FILE,
    SOUGHT,
    CrossoverPlan,
    CrossoverResult,
    Over,
    Step,
    level_directory,
    read_crossover,
    read_step,
)
from harness.machine.core import core_speed_ms
from harness.machine.facts import facts
from harness.machine.open_files import check_files
from harness.machine.placement import find_place, taking_place
from harness.measure.rig import Rig, Setup, open_rig
from harness.measure.server import options
from harness.plan.level import MAX_USERS
from harness.plan.options import CrossoverOptions
from harness.plan.plan import Plan
from harness.plan.planning import make_plan
from harness.plan.profile import PROFILES
from harness.plan.schedule import SESSION_OVERHEAD_S, Schedule
from harness.record.calibration import read_calibration
from harness.record.command_line import program
from harness.record.run import SCHEMA, Manifest, Record, RecordedTrial, read_run
from harness.record.run_directory import PAGE, TRIALS, make_directory
from harness.report import wording
from harness.report.announcer import Announcer
from harness.stats import figures
from scenarios.wire.protocol import STAGGER

RANGES: Final[Mapping[Over, tuple[int, int]]] = {"users": (1, 256), "wait_ms": (1, 200)}
# uvloop's timers count whole milliseconds, so a fraction of one would not be the same wait for both variants.
HIGHEST: Final[Mapping[Over, int]] = {"users": MAX_USERS, "wait_ms": 5_000}
WAITS_A_WINDOW: Final = 5
RIG_S: Final = 4.0


def crossover(options: CrossoverOptions) -> None:
    """Measure level after level, save each when it ends, and print where the better variant changes.

    Raises:
        BadInputError: an option asks for something that cannot be done.
        BenchError: a process that it needs could not be started, or was lost.
    """
    varied = _over(options.over)
    low, high = _range(varied, options.span)
    workload, baseline, contender = options.workload, options.baseline, options.contender
    users = options.users or PROFILES["quick"].users
    plan = make_plan(discover(), options.run(high if varied == "users" else users))
    if varied == "wait_ms" and not plan.workloads[0].adjustable:
        able = " and ".join(name for name, each in discover().items() if each.adjustable)
        raise BadInputError(f"{workload} declares no wait that can be set: use --over wait_ms with {able}.")
    plan = _paired(plan, baseline, contender)
    check_files(plan.levels[0].users)
    setup = Setup(find_place(), options.dsn)
    console = Console(highlight=False)
    started = datetime.now(UTC)
    sought = CrossoverPlan(
        schema=1,
        workload=plan.workloads[0],
        baseline=baseline,
        contender=contender,
        over=varied,
        low=low,
        high=high,
        users=None if varied == "users" else plan.levels[0].users,
        blocks=plan.blocks,
        warmup_s=plan.warmup_s,
        window_s=plan.window_s,
        margin=plan.margin,
        seed=plan.seed,
        started=started,
        command=options.command,
        machine=facts(setup.placement),
        placement=str(setup.placement),
    )
    _announce(sought, plan, console)
    directory = make_directory(options.out, f"crossover-{workload}", started)
    (directory / TRIALS).rmdir()  # each level has a directory of its own
    _save(directory, sought)
    steps: dict[int, Step] = {}
    try:
        with taking_place(setup.placement):
            for step in _Levels(sought, plan, setup, directory, console).steps():
                steps[step.level] = step
                console.print(_line(sought, step), soft_wrap=True)
        sought = replace(sought, ended=datetime.now(UTC))
        _save(directory, sought)
        from harness.report.crossover import print_crossover, write_crossover  # matplotlib: half a second

        curves = CrossoverResult(sought, tuple(steps[level] for level in sorted(steps)))
        write_crossover(directory, curves)
    except KeyboardInterrupt:
        raise StoppedError(f"Stopped. {_left(directory, discard=True)}".strip()) from None
    except BenchError as error:
        raise type(error)(f"{error} {_left(directory, discard=isinstance(error, BadInputError))}".strip()) from error
    print_crossover(curves, console)
    console.print(f"\nPage: {directory / PAGE}", soft_wrap=True)


def _over(text: str) -> Over:
    for varied in RANGES:
        if text == varied:
            return varied
    raise unknown("quantity to go over", text, RANGES)


def _range(over: Over, text: str | None) -> tuple[int, int]:
    """Parse both ends of the range, in whole users or milliseconds."""
    if text is None:
        return RANGES[over]
    try:
        low, high = (int(part) for part in text.split(","))
    except ValueError:
        raise BadInputError(f"--range {text} is no range: write it as LOW,HIGH in whole numbers, as in 4,96.") from None
    for end in (low, high):
        in_range("--range", end, 1, HIGHEST[over])
    if low >= high:
        raise BadInputError(f"--range {text} holds nothing between its ends: give the lower one first.")
    return low, high


def _paired(plan: Plan, baseline: str, contender: str) -> Plan:
    """Return the plan with these two variants as its pair, whatever pairs their workload declares."""
    (workload,) = plan.workloads
    by_name = {variant.name: variant for variant in workload.variants}
    pair = (replace(by_name[baseline], against=None), replace(by_name[contender], against=baseline))
    return replace(plan, workloads=(replace(workload, variants=pair, claims=()),))


def _plan_at(sought: CrossoverPlan, plan: Plan, level: int) -> Plan:
    """Return the plan of one level; where the wait varies, warm-up and window are long enough for it.

    The users start at different times in a part of the warm-up. They stay spread only if a wait fits into this part.
    And a window must hold several answers of each user.
    """
    workload, load = sought.at(level)
    at = replace(plan, seed=sought.seed + level, levels=(load,), workloads=(workload,))
    if sought.over == "users" or workload.wait_s is None:
        return at
    return replace(
        at,
        warmup_s=max(plan.warmup_s, workload.wait_s / STAGGER),
        window_s=max(plan.window_s, WAITS_A_WINDOW * workload.wait_s),
    )


def _announce(sought: CrossoverPlan, plan: Plan, console: Console) -> None:
    levels = grid(sought.low, sought.high)
    each_s = [Schedule(_plan_at(sought, plan, level)).expected_s() - SESSION_OVERHEAD_S for level in levels]
    if sought.over == "wait_ms":
        each_s = [expected_s + RIG_S for expected_s in each_s]
    most_s = SESSION_OVERHEAD_S + sum(each_s) + MOST_FURTHER * max(each_s)
    console.print(
        f"{sought.workload.name}: {sought.contender} against {sought.baseline} over "
        f"{wording.between(sought.over, sought.low, sought.high)}; {len(levels)} levels in random order, then up to "
        f"{MOST_FURTHER} more where the better one changes: at most about {max(1, round(most_s / 60))} min."
    )
    console.print(f"Margin {sought.margin:.1%}; seed {sought.seed}; {sought.placement}.", style="dim")


def _save(directory: Path, sought: CrossoverPlan) -> None:
    partial = directory / f"{FILE}.partial"
    partial.write_bytes(SOUGHT.dump_json(sought, indent=1))
    partial.replace(directory / FILE)


def _line(sought: CrossoverPlan, step: Step) -> str:
    """Spell the result of a level in one line."""
    rates = [
        f"{judged.cell.variant.name} {figures.count(judged.cell.throughput_rps.value)}"
        for judged in (step.baseline, step.contender)
        if judged.cell.throughput_rps is not None
    ]
    favoured = step.point.favours
    return (
        f"{wording.level_of(sought.over, step.level):>12}  {', '.join(rates) or 'nothing was answered'} req/s  "
        f"{figures.ratio(step.ratio)} ({figures.ratio_interval(step.ratio)})  "
        f"{step.comparison.verdict if favoured is None else getattr(sought, favoured)}"
        f"{' (measured again)' if step.again else ''}"
    )


def _left(directory: Path, *, discard: bool) -> str:
    """Return what is kept of an interrupted search; the last level may have fewer blocks than the others."""
    try:
        kept = len(read_crossover(directory).steps)
    except BadInputError:
        if discard:
            shutil.rmtree(directory, ignore_errors=True)
        return "No level was measured yet." if discard else ""
    levels = "1 level is" if kept == 1 else f"{kept} levels are"
    return f"{levels} kept; `{program()} report {directory}` writes their page."


class _Levels:
    """The levels of a search, one after the other, on one rig or on a new rig for each wait."""

    def __init__(self, sought: CrossoverPlan, plan: Plan, setup: Setup, directory: Path, console: Console) -> None:
        self._sought = sought
        self._plan = plan
        self._setup = setup
        self._directory = directory
        self._logs = directory / "logs"
        self._announcer = Announcer(console)
        self._facts: dict[str, Any] = {
            "machine": sought.machine,
            "placement": setup.placement,
            "calibration": read_calibration(directory.parent, sought.machine),
        }

    def steps(self) -> Iterator[Step]:
        """Measure the grid in an order that the seed decides, then each level that `next_level` returns.

        A level may come a second time; its step then holds the trials of both times.
        """
        pending = list(grid(self._sought.low, self._sought.high))
        random.Random(self._sought.seed).shuffle(pending)
        known: dict[int, Step] = {}
        with contextlib.ExitStack() as running:
            rig = None
            while (level := pending.pop() if pending else self._next(known)) is not None:
                if rig is None or self._sought.over == "wait_ms":
                    # Server and upstream service get the wait when they start.
                    running.close()
                    plan = self._plan if self._sought.over == "users" else _plan_at(self._sought, self._plan, level)
                    rig = running.enter_context(open_rig(Schedule(plan), self._setup, self._announcer, self._logs))
                step = self._measure(rig, level)
                if step is None:
                    raise BenchError(f"Nothing was measured at {wording.level_of(self._sought.over, level)}.")
                known[level] = step
                yield step

    @staticmethod
    def _next(known: Mapping[int, Step]) -> int | None:
        return next_level([step.point for step in known.values()])

    def _measure(self, rig: Rig, level: int) -> Step | None:
        """Run the level's trials, or the same number again where it has some, and judge the level by all of them."""
        directory = level_directory(self._directory, level)
        plan = _plan_at(self._sought, self._plan, level)
        schedule = Schedule(plan)
        begun = directory.exists()
        if begun:
            twice = replace(plan, blocks=2 * plan.blocks, max_blocks=2 * plan.max_blocks)
            record = Record(directory, replace(read_run(directory).manifest, plan=twice, ended=None))
        else:
            (directory / TRIALS).mkdir(parents=True)
            record = Record(directory, self._manifest(plan, rig))
        for trial in record.manifest.schedule.trials[len(schedule.trials) if begun else 0 :]:
            speed_ms = core_speed_ms(self._setup.placement.server)
            seen = rig.run(trial, schedule.window_of(trial.workload, trial.level))
            record.save(RecordedTrial(trial, seen.result, speed_ms, seen.telemetry))
        record.note(ended=datetime.now(UTC))
        return read_step(self._sought, level, read_run(directory))

    def _manifest(self, plan: Plan, rig: Rig) -> Manifest:
        return Manifest(
            schema=SCHEMA,
            started=datetime.now(UTC),
            command=self._sought.command,
            plan=plan,
            server=options(),
            database=rig.database,
            verifications=rig.verifications,
            **self._facts,
        )
