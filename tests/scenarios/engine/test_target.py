"""Runs in the suite's own process: a target needs gevent's hub, but not Locust, which monkey-patches."""

from scenarios.engine.recorder import Recorder
from scenarios.engine.target import Target, rotation
from scenarios.wire.protocol import RequestSpec


def test_a_rotation_spreads_each_request_evenly_over_the_round():
    often, seldom = RequestSpec("/often", weight=4), RequestSpec("/seldom", weight=2)
    assert [request.path for request in rotation([often, seldom])] == [
        "/often",
        "/seldom",
        "/often",
        "/often",
        "/seldom",
        "/often",
    ]


def test_each_user_starts_one_request_further_on():
    target = Target("127.0.0.1", 1, (RequestSpec("/a"), RequestSpec("/b")), Recorder())
    assert [target.start_position() for _ in range(5)] == [0, 1, 0, 1, 0]


def test_a_fleet_that_is_aimed_elsewhere_sends_the_new_host():
    target = Target("127.0.0.1", 1, (RequestSpec("/a"),), Recorder())
    target.aim("::1", 8080)
    assert b"Host: [::1]:8080\r\n" in target.rounds[0][0]


def test_throughput_counts_by_the_end_and_latency_by_the_start():
    recorder = Recorder(open_ns=1_000_000, close_ns=2_000_000)
    recorder.success(500_000, 1_500_000)  # sent before, ended inside
    recorder.success(1_500_000, 2_500_000)  # sent inside, ended after
    recorder.success(2_100_000, 2_200_000)  # after
    assert (recorder.completed, recorder.latency.n) == (1, 1)
