"""The diagnosis on real parts: labelled faults, faults that come together, and figures with a known answer."""

import contextlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bench_app.discovery import discover
from bench_app.workload import Package
from harness.causes.diagnosis import Diagnosis, core_taken, diagnose
from harness.causes.known import cases_of
from harness.causes.symptoms import Symptoms, symptoms_of, waiting_share
from harness.commands.selfcheck_diagnosis import outcomes_of
from harness.machine.placement import place, usable_cores
from harness.measure.rig import Observed, Rig, Setup, open_rig
from harness.plan.knobs import USUAL, Knobs
from harness.plan.level import Level
from harness.plan.options import RunOptions
from harness.plan.plan import Plan, Trial, Window, unloaded_of
from harness.plan.planning import make_plan
from harness.plan.schedule import Schedule
from harness.record.run import RecordedTrial
from scenarios.wire.protocol import ClosedLoop, OpenLoop
from tests.harness.measure.test_rig import Silence
from tests.neighbour import beside

pytestmark = pytest.mark.usefixtures("quiet")

ALONE = Window(warmup_s=0.1, window_s=0.4)
TRIES = 4
LOADED = Window(warmup_s=0.3, window_s=1.2, drain_s=5.0)
DRAW = random.Random(20261125)


SMALL_POOL = Knobs(threads=100, pool_size=DRAW.randint(3, 6))
BOTH_LOOPS = [Knobs(loop="uvloop"), Knobs(loop="asyncio")]


def planned(package: Package, *only: str, settings: Sequence[Knobs] = (USUAL,), wait_s: float | None = None) -> Plan:
    made = replace(
        make_plan(discover(package), RunOptions(workloads=only, diagnose=True, settings=settings)), package=package
    )
    if wait_s is None:
        return made
    return replace(made, workloads=tuple(replace(workload, wait_s=wait_s) for workload in made.workloads))


@contextlib.contextmanager
def rigged(folder: Path, made: Plan) -> Iterator[Rig]:
    with open_rig(Schedule(made), Setup(place(usable_cores())), Silence(), folder) as rig:
        yield rig


@pytest.fixture(scope="module")
def workloads(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    made = planned("workloads", "database", "external", "root", "sleep", settings=BOTH_LOOPS)
    with rigged(tmp_path_factory.mktemp("workloads"), made) as rig:
        yield rig


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    made = planned("faults", "pool", "compute", "deadlock", "hidden", "unwatched", settings=[USUAL, SMALL_POOL])
    with rigged(tmp_path_factory.mktemp("faults"), made) as rig:
        yield rig


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """What waits, waits for 100 ms: handlers and upstream service alike."""
    made = planned("workloads", "sleep", "external", wait_s=0.1)
    with rigged(tmp_path_factory.mktemp("slow"), made) as rig:
        yield rig


def run(rig: Rig, name: str, level: Level, window: Window = LOADED) -> RecordedTrial:
    workload, variant = name.split("/")
    trial = Trial(1, 0, workload, variant, level)
    seen = rig.run(trial, window, diagnose=True)
    return RecordedTrial(trial, seen.result, None, seen.telemetry)


def shown(rig: Rig, name: str, level: Level, window: Window = LOADED) -> Symptoms:
    """The symptoms of a trial; one in which other tests took the server's core says nothing, and is run again."""
    for tries_left in reversed(range(TRIES)):
        symptoms = symptoms_of(run(rig, name, level, window), f"/{name}")
        assert symptoms is not None
        if core_taken(symptoms) is None or not tries_left:
            return symptoms
    raise AssertionError("unreachable")


def port_of(rig: Rig) -> int:
    assert rig.server is not None
    return rig.server.port


def said(diagnosis: Diagnosis) -> list[tuple[str, float]]:
    return [(cause.name, round(cause.share or 0.0, 2)) for cause in diagnosis.causes]


@pytest.mark.parametrize("knobs", BOTH_LOOPS, ids=["uvloop", "asyncio"])
@pytest.mark.parametrize("name", ["database", "external", "sleep"])
def test_the_line_that_blocks_is_one_of_the_workloads_own_file(workloads: Rig, name: str, knobs: Knobs):
    level = Level(16, knobs=knobs)
    alone = shown(workloads, f"{name}/blocking", unloaded_of(level), ALONE)
    first = diagnose(alone, shown(workloads, f"{name}/blocking", level)).first
    assert first is not None
    assert first.holding is not None
    assert first.holding.site is not None
    found = first.holding.site
    assert (first.name, found.file, found.function) == (
        "loop blocked",
        f"bench_app/workloads/{name}.py",
        f"{name}_blocking",
    )


def test_a_deadlock_of_threads_and_connections_is_seen(faults: Rig, tmp_path: Path):
    cases = [case for case in cases_of("faults", discover("faults")) if case.workload == "deadlock"]
    (outcome,) = outcomes_of(faults, planned("faults"), cases, tmp_path)
    assert outcome.agrees, outcome.detail


def test_a_neighbour_that_blocks_is_the_cause_of_what_others_wait_for(workloads: Rig, tmp_path: Path):
    alone = shown(workloads, "sleep/async", Level(1), ALONE)
    with beside(port_of(workloads), tmp_path, "/sleep/blocking", ClosedLoop(DRAW.randint(4, 8))):
        found = diagnose(alone, shown(workloads, "sleep/async", Level(16)))
    assert said(found)[0][0] == "loop blocked"
    assert said(found)[0][1] > 0.8
    assert found.first is not None
    assert found.first.holding is not None
    assert found.first.holding.route == "/sleep/blocking"


def test_two_causes_at_once_are_both_named_with_their_shares(workloads: Rig, tmp_path: Path):
    """More users than threads, and a neighbour that holds the loop for a fifth of the time."""
    alone = shown(workloads, "sleep/sync", Level(1), ALONE)
    with beside(port_of(workloads), tmp_path, "/sleep/blocking", OpenLoop(8, DRAW.uniform(8, 12))):
        found = diagnose(alone, shown(workloads, "sleep/sync", Level(80)))
    assert {name for name, _ in said(found)} >= {"thread limit", "loop blocked"}
    assert sum(share for _, share in said(found)) > 0.6


def test_a_small_pool_under_many_threads_is_the_pool(faults: Rig):
    level = Level(DRAW.randint(70, 90), knobs=SMALL_POOL)
    found = diagnose(shown(faults, "pool/sync", unloaded_of(level), ALONE), shown(faults, "pool/sync", level))
    assert said(found)[0][0] == "database pool"
    assert said(found)[0][1] > 0.7


def test_a_neighbour_that_computes_in_threads_keeps_the_gil(faults: Rig, tmp_path: Path):
    alone = shown(faults, "pool/async", Level(1), ALONE)
    with beside(port_of(faults), tmp_path, "/compute/sync", ClosedLoop(DRAW.randint(6, 10))):
        found = diagnose(alone, shown(faults, "pool/async", Level(4)))
    assert said(found)[0][0] == "threads hold the GIL"


def test_a_wait_that_no_rule_knows_is_named_by_its_line(faults: Rig):
    level = Level(DRAW.randint(20, 36))
    found = diagnose(shown(faults, "unwatched/sync", Level(1), ALONE), shown(faults, "unwatched/sync", level))
    assert said(found)[0][0] == "slow call"
    assert said(found)[0][1] > 0.7
    assert found.first is not None
    assert found.first.site is not None
    assert found.first.site.function == "wait_for_the_file"


def test_an_upstream_slower_than_it_declares_is_the_upstream(slow: Rig):
    alone = shown(slow, "external/async", Level(1), ALONE)
    found = diagnose(alone, shown(slow, "external/async", Level(8)), expected_call_s=0.02)
    assert said(found)[0][0] == "upstream"


def test_more_calls_at_once_than_connections_are_the_outbound_limit(slow: Rig):
    """A hundred connections that each call keeps for 100 ms, and half as many users again."""
    alone = shown(slow, "external/async", Level(1), ALONE)
    found = diagnose(alone, shown(slow, "external/async", Level(DRAW.randint(150, 170))), expected_call_s=0.1)
    assert said(found)[0][0] == "outbound limit"


def test_the_thread_ledger_agrees_with_arithmetic(slow: Rig):
    """160 users on 40 threads for 100 ms each: 400 a second by theory, a wait of (160 − 40)/400 = 300 ms."""
    loaded = shown(slow, "sleep/sync", Level(160), Window(warmup_s=1.0, window_s=2.5, drain_s=5.0))
    assert loaded.spending is not None
    assert loaded.throughput_rps == pytest.approx(398, rel=0.1)
    assert loaded.spending.queued == pytest.approx(0.3, rel=0.1)


def test_what_a_bystander_waits_follows_from_the_stalls(slow: Rig):
    """A handler holds the loop for 100 ms again and again: the wait by the client's clock and by the heartbeat's."""
    window = Window(warmup_s=0.3, window_s=4.0, drain_s=5.0)
    # No whole number of probes fits between two of its requests, so that they come at all moments of a stall.
    recorded = run(slow, "sleep/blocking", Level(8, "open", 2.3), window)
    symptoms = symptoms_of(recorded, "/sleep/blocking")
    assert symptoms is not None
    assert len(symptoms.stalls_s) == pytest.approx(9, abs=1)
    waited_ms = sorted(latency_us / 1000 for _, latency_us in recorded.result.victims["async_warm"].probes)
    # So many of those who come wait longer than this one did.
    tenth_ms = waited_ms[-round(0.1 * len(waited_ms))]
    assert waiting_share(symptoms.stalls_s, window.window_s, tenth_ms / 1000) == pytest.approx(0.1, abs=0.05)
    p99_us = recorded.result.victims["async_warm"].percentile_us(99)
    assert p99_us is not None
    assert p99_us / 1e6 == pytest.approx(0.95 * max(symptoms.stalls_s), rel=0.1)


def seen_modes(seen: Observed) -> set[str]:
    assert seen.telemetry is not None
    return {process.mode for process in seen.telemetry.processes}


def test_a_server_that_is_measured_keeps_no_accounts(workloads: Rig):
    """Diagnosed figures and measured ones come from different servers."""
    trial = Trial(1, 0, "root", "async", Level(4))
    diagnosed = workloads.run(trial, ALONE, diagnose=True)
    first = workloads.server
    measured = workloads.run(trial, ALONE)
    assert workloads.server is not first
    assert (seen_modes(diagnosed), seen_modes(measured)) == ({"diagnose"}, {"measure"})
    assert measured.telemetry is not None
    assert measured.telemetry.accounts is None


def test_several_workers_are_all_told_of_and_all_gone(tmp_path: Path):
    made = planned("workloads", "root", settings=[Knobs(workers=2)])
    with rigged(tmp_path, made) as rig:
        seen = rig.run(Trial(1, 0, "root", "async", made.levels[0]), ALONE)
        assert seen.telemetry is not None
        pids = [process.pid for process in seen.telemetry.processes]
        assert len(pids) == 2
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []


def test_the_bystanders_are_an_async_def_and_a_def(workloads: Rig):
    """The def needs one of the threads that 160 users want, the async def does not."""
    result = run(workloads, "sleep/sync", Level(160)).result
    felt, felt_by_def = (
        each.percentile_us(50) or 0.0 for each in (result.victims["async_warm"], result.victims["sync_warm"])
    )
    assert felt_by_def > 2 * felt > 0
