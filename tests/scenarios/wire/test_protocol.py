"""The messages between harness and load process, and the one result that several load processes make."""

from dataclasses import replace

import pytest
from pydantic import TypeAdapter

from scenarios.wire.histogram import Distribution
from scenarios.wire.protocol import (
    ClosedLoop,
    Joined,
    OpenLoop,
    RequestSpec,
    Slice,
    TrialOrder,
    TrialResult,
    slice_s,
    together,
)
from scenarios.wire.victim import VictimSpec
from tests.rehearsal import distribution, result


@pytest.mark.parametrize(
    ("window_s", "expected_s"), [(0.1, 0.1), (0.7, 0.1), (1.0, 0.1), (2.3, 0.23), (10.0, 1.0), (3_600.0, 1.0)]
)
def test_a_slice_is_a_tenth_of_the_window_within_its_limits(window_s: float, expected_s: float):
    assert slice_s(window_s) == pytest.approx(expected_s)


@pytest.mark.parametrize("load", [ClosedLoop(9, 0.01), OpenLoop(8, 500.0, "poisson", seed=7)], ids=str)
def test_an_order_arrives_as_it_was_sent(load: ClosedLoop | OpenLoop):
    messages = TypeAdapter(TrialOrder)
    order = TrialOrder(
        name="root/sync",
        host="::1",
        port=8000,
        requests=(RequestSpec("/a?b=c", 400, 3, "POST", (("Accept", "x/y"),), "hé"),),
        load=load,
        warmup_s=0.2,
        window_s=0.5,
        drain_s=2.0,
        timeout_s=5.0,
        victims=(VictimSpec("async_cold", "/_bystander", cold=True, rate_rps=20.0),),
        watch={"server": 4242},
    )
    sent = messages.dump_json(order)
    assert b"\n" not in sent
    assert messages.validate_json(sent) == order


def test_a_result_arrives_as_it_was_sent():
    messages = TypeAdapter(TrialResult)
    sent = result(100.0, slices=(Slice(3, 1, distribution([700, 800])),), failures={"reset": 1})
    assert messages.validate_json(messages.dump_json(sent)) == sent


def test_results_merge_in_any_order_and_lose_nothing():
    parts: list[TrialResult] = [result(100, 4), result(250, 6, failures={"reset": 2}, dropped=1)]
    whole, reversed_whole = together(parts), together(parts[::-1])
    assert (whole.completed, whole.connected, whole.dropped, whole.failures) == (350, 10, 1, {"reset": 2})
    assert whole.latency == reversed_whole.latency
    assert whole.latency.n == 350
    with pytest.raises(ValueError, match="no load process"):
        together([])


def test_slices_are_added_one_by_one_though_one_process_has_more_of_them():
    short = result(1.0, slices=(Slice(3, 1, distribution([700])),))
    long = result(1.0, slices=(Slice(4, 0, distribution([900])), Slice(2, 0, Distribution())))
    first, second = together([short, long]).slices
    assert (first.completed, first.failed, first.latency) == (7, 1, distribution([700, 900]))
    assert (second.completed, second.failed, second.latency.n) == (2, 0, 0)


def test_of_several_load_processes_the_busiest_one_is_told():
    parts = [result(1.0, cpu_s={"load": load_s, "server": 0.9}) for load_s in (0.2, 0.7, 0.1)]
    whole = together(parts)
    # What the server used is told by the harness, which watches it once.
    assert (whole.load_cpu, whole.load_processes, whole.cpu_s) == (0.7, 3, {"load": 0.7})


def test_one_result_alone_keeps_its_figures():
    alone = result(250.0)
    assert replace(together([alone]), cpu_s=alone.cpu_s, core_busy=alone.core_busy) == alone


def test_throughput_and_cpu_are_those_of_a_second():
    assert result(100.0, window_s=2.0).throughput_rps == 100.0
    assert result(100.0, window_s=2.0, cpu_s={"load": 0.5}).load_cpu == 0.25


def test_workers_are_complete_once_as_many_are_present_as_are_expected():
    assert not Joined(("a",), 2, refused=("b",)).is_complete
    assert Joined(("a", "b"), 2).is_complete
