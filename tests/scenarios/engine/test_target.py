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
