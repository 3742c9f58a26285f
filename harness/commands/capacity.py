"""`bench.py capacity`: the highest open-loop rate at which each variant of a workload meets an objective."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rich.console import Console

from bench_app.discovery import discover
from harness.exceptions import BenchError, StoppedError
from harness.judge.capacity import CAPACITIES, FILE, Capacities, Probe, VariantCapacity
from harness.judge.objective import Objective, parse_objective
from harness.machine.facts import facts
from harness.machine.open_files import check_files
from harness.machine.placement import find_place, taking_place
from harness.measure.rig import Rig, Setup, open_rig
from harness.plan.level import MAX_RATE, Level
from harness.plan.options import CapacityOptions
from harness.plan.plan import Plan, Trial, Window
from harness.plan.planning import make_plan
from harness.plan.schedule import Schedule
from harness.record.command_line import program
from harness.record.run_directory import PAGE, TRIALS, make_directory
from harness.report.announcer import Announcer
from harness.stats.bisection import Bisection
from harness.stats.figures import milliseconds

LONGEST_WINDOW_S: Final = 6.0
FIRST_STEP: Final = 1.5
NEXT_STEP: Final = 1.15
FIRST_SHARE: Final = 0.8
TRIES: Final = 3
# At a lower rate a window holds too few requests.
LOWEST_RPS: Final = 2.0


def capacity(options: CapacityOptions) -> None:
    """Search, save every probe, and print the capacity of each variant.

    Raises:
        BadInputError: an option asks for something that cannot be done.
        BenchError: a process that it needs could not be started, or was lost.
    """
    objective = parse_objective(options.slo)
    plan = make_plan(discover(), options.run)
    check_files(options.connections)
    setup = Setup(find_place(), options.dsn)
    console = Console(highlight=False)
    names = [variant.name for variant in plan.workloads[0].variants]
    console.print(
        f"{options.workload}: the highest rate with {objective}, for {', '.join(names)}; {options.repeats} searches "
        "each, of about half a minute."
    )
    console.print(f"Seed {options.seed}; {setup.placement}.", style="dim")
    started = datetime.now(UTC)
    directory = make_directory(options.out, f"capacity-{options.workload}", started)
    (directory / TRIALS).rmdir()  # the probes are in one file
    kept, machine = None, facts(setup.placement)
    try:
        with (
            taking_place(setup.placement),
            open_rig(Schedule(plan), setup, Announcer(console), directory / "logs") as rig,
        ):
            for found in _Searches(plan, objective, rig, console).after_each_of(options.repeats):
                kept = Capacities(
                    schema=1,
                    workload=options.workload,
                    question=plan.workloads[0].question,
                    objective=objective,
                    arrivals="poisson",
                    connections=options.connections,
                    repeats=len(found[0].found_rps),
                    window_s=plan.window_s,
                    seed=options.seed,
                    margin=plan.margin,
                    started=started,
                    command=options.command,
                    machine=machine,
                    placement=str(setup.placement),
                    variants=found,
                )
                (directory / FILE).write_bytes(CAPACITIES.dump_json(kept, indent=1))
    except KeyboardInterrupt:
        raise StoppedError(f"Stopped. {_left(directory, kept, options.repeats)}") from None
    except BenchError as error:
        raise type(error)(f"{error} {_left(directory, kept, options.repeats)}") from error
    assert kept is not None
    from harness.report.capacity import print_capacities, write_capacities  # matplotlib: half a second

    write_capacities(directory, kept)
    print_capacities(kept, console)
    console.print(f"\nPage: {directory / PAGE}", soft_wrap=True)


def _left(directory: Path, kept: Capacities | None, repeats: int) -> str:
    """Return what is kept of an interrupted search, and remove the directory if that is nothing."""
    if kept is None:
        shutil.rmtree(directory, ignore_errors=True)
        return "No repeat was complete, so nothing is kept."
    return f"{kept.repeats} of {repeats} repeats are kept; `{program()} report {directory}` writes their page."


class _Searches:
    """The searches of every variant, one repeat after the other, in an order that the seed decides."""

    def __init__(self, plan: Plan, objective: Objective, rig: Rig, console: Console) -> None:
        self._plan = plan
        self._objective = objective
        self._rig = rig
        self._console = console
        (self._workload,) = plan.workloads
        self._connections = plan.levels[0].users
        self._number = 0
        self._probes: dict[str, list[Probe]] = {variant.name: [] for variant in self._workload.variants}

    def after_each_of(self, repeats: int) -> Iterator[tuple[VariantCapacity, ...]]:
        """Search every variant `repeats` times, and yield all results so far after each repeat."""
        order, draw = list(self._workload.variants), random.Random(self._plan.seed)
        found: dict[str, list[float | None]] = {variant.name: [] for variant in order}
        began = time.monotonic()
        for repeat in range(1, repeats + 1):
            draw.shuffle(order)
            for variant in order:
                rate_rps = self._one(variant.name, repeat, found[variant.name])
                found[variant.name].append(rate_rps)
                spelled = "none" if rate_rps is None else f"{round(rate_rps, 1):,.10g} req/s"
                self._console.print(f"repeat {repeat} of {repeats}  {variant.name}: {spelled}")
            yield self._known(found)
            if repeat < repeats:
                left_s = (time.monotonic() - began) / repeat * (repeats - repeat)
                self._console.print(f"about {max(1, round(left_s / 60))} min left", style="dim")

    def _known(self, found: Mapping[str, Sequence[float | None]]) -> tuple[VariantCapacity, ...]:
        problems = {verification.variant: verification.problems for verification in self._rig.verifications}
        return tuple(
            VariantCapacity(
                variant=variant.name,
                kind=variant.kind,
                against=variant.against,
                problems=problems.get(variant.name, ()),
                probes=tuple(self._probes[variant.name]),
                found_rps=tuple(found[variant.name]),
            )
            for variant in self._workload.variants
        )

    def _one(self, variant: str, repeat: int, before: Sequence[float | None]) -> float | None:
        known = [rate_rps for rate_rps in before if rate_rps is not None]
        if known:
            bisection = Bisection(known[-1], NEXT_STEP, LOWEST_RPS, MAX_RATE)
        else:
            # A closed loop shows about the highest throughput, whatever its latencies are.
            window = Window(self._plan.warmup_s, self._plan.window_s)
            closed = self._rig.run(self._trial(variant, repeat, Level(self._connections)), window).result
            most_rps = max(closed.throughput_rps, LOWEST_RPS)
            bisection = Bisection(FIRST_SHARE * most_rps, FIRST_STEP, LOWEST_RPS, MAX_RATE)
        while (rate_rps := bisection.next_rps) is not None:
            bisection.tell(rate_rps, self._carries(variant, repeat, rate_rps))
        return bisection.capacity_rps

    def _carries(self, variant: str, repeat: int, rate_rps: float) -> bool:
        """Return whether the rate meets the objective; two probes of three decide, as one may miss it by chance."""
        met = broken = 0
        while broken < 2:
            probe = self._probe(variant, repeat, rate_rps)
            self._probes[variant].append(probe)
            if probe.broken is None:
                met += 1
                if met > broken:
                    return True
            else:
                broken += 1
            if met + broken == TRIES:
                return met > broken
        return False

    def _probe(self, variant: str, repeat: int, rate_rps: float) -> Probe:
        objective = self._objective
        window_s = max(self._plan.window_s, min(LONGEST_WINDOW_S, objective.requests_needed / rate_rps))
        trial = self._trial(variant, repeat, Level(self._connections, "open", rate_rps, "poisson"))
        # A request that is slower than twice the limit has missed the objective already.
        drain_s = max(1.0, 2 * objective.limit_ms / 1000)
        result = self._rig.run(trial, Window(self._plan.warmup_s, window_s, drain_s)).result
        return Probe(
            repeat=repeat,
            rate_rps=rate_rps,
            served_rps=round(result.throughput_rps, 3),
            observed_ms=objective.observed_ms(result),
            bystander_p99_ms=milliseconds(result.victims["async_warm"].percentile_us(99)),
            requests=result.latency.n,
            client_cpu=round(result.load_cpu, 4),
            broken=objective.broken_by(result, rate_rps),
        )

    def _trial(self, variant: str, repeat: int, level: Level) -> Trial:
        self._number += 1
        return Trial(self._number, repeat, self._workload.name, variant, level)
