"""What happened when in one trial, by what its client and its server recorded."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.plan.level import Level
from harness.plan.plan import Trial
from harness.record.run import RecordedTrial
from harness.record.telemetry import Readings, Telemetry
from harness.report.timeline import Strip, Timeline, timeline_of, typical_trial
from scenarios.wire.histogram import Distribution
from scenarios.wire.protocol import Slice
from scenarios.wire.victim import Victim
from tests.harness.judged import cell, findings_of
from tests.rehearsal import distribution, plan, result, telemetry


def timeline(told: Telemetry | None = None, **changes: Any) -> Timeline:
    trial = Trial(3, 0, "sleep", "sync", Level(64))
    return timeline_of(RecordedTrial(trial, result(1_000.0, **changes), None, told), warmup_s=0.3)


def strip(shown: Timeline, name: str) -> Strip:
    return next(each for each in shown.strips if each.name == name)


def test_the_trial_of_median_throughput_stands_for_its_cell(tmp_path: Path):
    findings = findings_of(tmp_path, plan("root", variants=["async"], blocks=5),
                           results=lambda trial: result(1_000.0 + 100 * ((trial.block * 2) % 5)))  # fmt: skip
    judged = cell(findings, "async")
    chosen = typical_trial(judged.cell, findings.run)
    assert chosen is not None
    assert chosen.result.throughput_rps == 1_200.0
    assert typical_trial(replace(judged.cell, trials=()), findings.run) is None


def test_a_trial_of_which_nothing_was_recorded_over_time_has_no_strip():
    shown = timeline()
    assert (shown.trial, shown.starts_s, shown.ends_s, shown.strips) == (3, -0.3, 1.0, ())


def test_throughput_is_that_of_each_slice_of_the_window_without_the_drain():
    slices = tuple(Slice(completed, 0, distribution([1_000] * completed)) for completed in (50, 0, 100, 7))
    shown = timeline(slices=slices, window_s=0.3, slice_s=0.1)
    (answered,) = strip(shown, "throughput").series
    assert answered.values == pytest.approx((500.0, 0.0, 1_000.0))
    assert answered.times_s == pytest.approx((0.05, 0.15, 0.25))


def test_a_slice_without_an_answer_has_a_rate_and_no_latency():
    slices = (Slice(10, 0, distribution([2_000] * 10)), Slice(0, 3, Distribution()))
    p99, p50 = strip(timeline(slices=slices, slice_s=0.5), "latency").series
    assert (p99.name, p50.name) == ("p99", "p50")
    assert p99.times_s == p50.times_s == (0.25,)
    assert p50.values == (2.0,)


def test_each_probe_of_a_bystander_is_a_point():
    victims = {"async_warm": Victim(probes=((100, 800), (200, 30_000))), "sync_warm": Victim()}
    (felt,) = strip(timeline(victims=victims), "bystander").series
    assert (felt.name, felt.scattered, felt.times_s, felt.values) == ("async def", True, (0.1, 0.2), (0.8, 30.0))


def test_cpu_is_the_growth_between_two_readings():
    process, loop = strip(timeline(telemetry()), "CPU").series
    assert set(process.values) == {0.6}
    assert set(loop.values) == {0.5}
    assert len(process.times_s) == len(process.values)


def test_a_loop_is_as_late_as_its_worst_beat_or_the_stall_that_still_lasts():
    count = len(telemetry().processes[0].times_ns)
    stalls = [[7_000, 20_000], [], [], *[[] for _ in range(count - 3)]]
    overdue = [0, 300_000, *[0] * (count - 2)]
    told = telemetry(stalls_us=stalls, overdue_us=overdue, late_us=500, beats=[5] * (count - 1) + [0])
    (late,) = strip(timeline(told), "loop late").series
    assert late.values[:3] == (20.0, 300.0, 0.1)
    # Without a single beat there is no mean.
    assert late.values[-1] == 0.0


def test_a_strip_reaches_to_what_is_available_although_little_is_taken():
    assert strip(timeline(telemetry(borrowed=3)), "threads").top == 40.0
    assert strip(timeline(telemetry(borrowed=3, waiting=200)), "threads").top == 200.0


def test_a_pool_has_a_strip_only_where_it_was_used():
    names = [
        {each.name for each in timeline(told).strips}
        for told in (telemetry(), telemetry(pool_size=10, pool_in_use=0), telemetry(pool_size=10, pool_in_use=4))
    ]
    assert ["pool" in found for found in names] == [False, False, True]


def test_of_several_processes_the_busiest_one_is_shown():
    (idle,), (busy,) = telemetry(borrowed=1).processes, telemetry(borrowed=9).processes
    resting = Readings(8, "measure", "", idle.columns | {"process_cpu_ns": [0] * len(idle.times_ns)})
    taken = strip(timeline(Telemetry((resting, busy))), "threads").series[0]
    assert set(taken.values) == {9.0}


def test_a_server_that_told_one_reading_has_no_strip():
    (process,) = telemetry().processes
    once = Readings(7, "measure", "", process.within(0, 0))
    assert timeline(Telemetry((once,))).strips == ()
