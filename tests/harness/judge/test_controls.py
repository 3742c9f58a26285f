"""What each control accepts and what it does not, on rehearsed sessions."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench_app.discovery import discover
from harness.judge.controls import CONTROLS, HOGGED_BLOCK, Control, spread
from harness.judge.findings import Findings, find
from harness.plan.level import Level
from harness.plan.options import RunOptions
from harness.plan.plan import Plan, Trial
from harness.plan.planning import make_plan
from harness.record.run import read_run
from scenarios.wire.protocol import TrialResult
from tests.rehearsal import distribution, rehearse, result


def control(name: str) -> Control:
    return next(each for each in CONTROLS if each.name == name)


def planned(of: Control) -> Plan:
    made = make_plan(discover("controls"), RunOptions(workloads=[of.workload], blocks=of.blocks, seconds=1.0))
    return replace(made, levels=(Level(of.users),))


def session(parent: Path, of: Control, ratio: float, **changes: Any) -> Findings:
    """A session in which the contender has this throughput ratio, give or take a percent in turn."""
    made = planned(of)
    (pair,) = made.pairs

    def results(trial: Trial) -> TrialResult:
        wobble = 1 + 0.01 * ((trial.block % 3) - 1)
        # Below what a handler allows that waits for 50 ms on the loop.
        rate = 19.5 * (ratio * wobble if trial.variant == pair.contender else 1.0)
        return result(rate, of.users, window_s=100.0, **changes)

    parent.mkdir(exist_ok=True)
    return find(read_run(rehearse(parent, made, results)))


def test_every_control_has_a_workload_with_one_comparison():
    workloads = discover("controls")
    assert {each.workload for each in CONTROLS} == workloads.keys()
    assert all(len(planned(each).pairs) == 1 for each in CONTROLS)


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [("40 threads", 2.0, 1.7), ("blocked loop", 8.0, 7.0), ("15 % slower", 0.87, 0.95)],
)
def test_a_known_answer_must_come_out(tmp_path: Path, name: str, right: float, wrong: float):
    of = control(name)
    assert of.outcome([session(tmp_path / "right", of, right)]).passed
    assert not of.outcome([session(tmp_path / "wrong", of, wrong)]).passed


def test_what_a_single_wait_takes_is_allowed_for(tmp_path: Path):
    of = control("blocked loop")
    found = session(tmp_path, of, 8.4)
    assert not of.outcome([found]).passed
    assert of.outcome([found], overhead=1.05).passed


def test_the_same_handler_may_differ_from_itself_by_chance_and_not_more_often(tmp_path: Path):
    of = control("same, waiting")
    equal, unequal = session(tmp_path / "equal", of, 1.0), session(tmp_path / "unequal", of, 1.03)
    assert of.outcome([equal] * 17 + [unequal] * 3).passed
    assert not of.outcome([equal] * 16 + [unequal] * 4).passed
    assert not of.outcome([equal] * 19 + [session(tmp_path / "win", of, 1.2)]).passed


def test_the_hogs_block_must_be_among_the_rejected(tmp_path: Path):
    of = control("CPU hog")
    made = planned(of)

    def hogged(block: int) -> Callable[[Trial], TrialResult]:
        return lambda trial: result(500.0, of.users, core_busy=(0.95 if trial.block == block else 0.5, 0.1))

    right, wrong = (
        find(read_run(rehearse(tmp_path / str(block), made, hogged(block))))
        for block in (HOGGED_BLOCK, HOGGED_BLOCK + 1)
    )
    assert of.outcome([right]).passed
    assert not of.outcome([wrong]).passed


def test_a_throttled_client_must_be_invalid(tmp_path: Path):
    of = control("throttled client")
    late = session(tmp_path / "late", of, 1.0, lag=distribution([90_000] * 50))
    assert of.outcome([late]).passed
    assert not of.outcome([session(tmp_path / "good", of, 1.0)]).passed


def test_a_spike_must_be_a_loss_by_p99_and_none_by_throughput(tmp_path: Path):
    of = control("spike on 2 %")
    made = planned(of)

    def results(spike_ms: int) -> Callable[[Trial], TrialResult]:
        def one(trial: Trial) -> TrialResult:
            tail = spike_ms if trial.variant == "spiked" else 40
            wobble = 1 + 0.005 * ((trial.block % 3) - 1)
            latency = distribution([40_000 + trial.block] * 980 + [tail * 1000 + trial.block] * 20)
            return result(800 * wobble, of.users, latency=latency)

        return one

    seen, flat = (find(read_run(rehearse(tmp_path / str(ms), made, results(ms)))) for ms in (80, 40))
    assert of.outcome([seen]).passed
    assert not of.outcome([flat]).passed


def test_the_spread_is_that_of_ln_ratios_within_sessions(tmp_path: Path):
    of = control("same, waiting")
    found = [session(tmp_path / name, of, ratio) for name, ratio in (("a", 1.0), ("b", 1.1))]
    # -1 %, 0 and +1 % in turn; what differs between sessions does not count.
    assert spread(found) == pytest.approx(0.0089, rel=0.02)
