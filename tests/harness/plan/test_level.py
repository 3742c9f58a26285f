"""A level in words: every number and chart says which load it is of."""

from harness.plan.knobs import Knobs
from harness.plan.level import Level


def test_a_closed_loop_says_its_users_and_their_think_time():
    assert str(Level(1)) == "1 user, closed loop"
    assert str(Level(64, think_s=0.02)) == "64 users with 20 ms think time, closed loop"


def test_an_open_loop_says_its_rate_and_its_arrivals():
    level = Level(64, "open", 1_500.0, "poisson")
    assert str(level) == "1,500 req/s, open loop, Poisson arrivals"
    assert (level.size, level.unit) == (1_500.0, "req/s offered")


def test_another_setting_of_the_server_is_another_level_of_the_same_load():
    usual, other = Level(64), Level(64, knobs=Knobs(threads=80))
    assert usual != other
    assert usual.load == other.load
    assert str(other) == "64 users, closed loop, 80 threads"
