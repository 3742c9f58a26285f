"""Where a request spends its time, by site, and which places limit how many move on: pure figures of a record."""

from dataclasses import replace

import pytest

from harness.causes.wait_profile import limits_of, site_times
from harness.record.telemetry import Place, Waits, WaitSite
from tests.harness.causes.made_up import ROUTE, wait_site


def waits(*sites: WaitSite, places: tuple[Place, ...] = ()) -> Waits:
    return Waits(seconds=10.0, looks=250, cost_s=0.1, unseen=0, sites=sites, places=places)


def place(*holders: WaitSite, inside: float = 0.0, used: float = 0.0, queued: float = 0.0) -> Place:
    """A place at line 3 that was contended all the time; `inside`, `used` and `queued` are shares of the holding."""
    holding = sum(each.seconds for each in holders)
    site = wait_site(3, state="place")
    return Place(site, "", 10.0, 400.0, holding, inside * holding, used * holding, queued * holding, tuple(holders))


WAITING = wait_site(3, state="place", seconds=400.0)


def test_the_time_in_the_application_is_divided_by_where_requests_stand():
    told = waits(wait_site(7, seconds=30.0), wait_site(8, seconds=10.0), wait_site(9, route="/b", seconds=99.0))
    first, second = site_times(told, ROUTE, 0.2)
    assert (first.site.line, second.site.line) == (7, 8)
    assert [first.seconds, second.seconds] == pytest.approx([0.15, 0.05])


def test_waits_for_the_loop_are_one_part_whatever_line_follows_them():
    told = waits(wait_site(7, state="loop", seconds=1.0), wait_site(8, state="loop", seconds=1.0))
    (only,) = site_times(told, ROUTE, 0.2)
    assert (only.site.state, only.site.line, only.seconds) == ("loop", 0, 0.2)


def test_a_place_that_several_hold_and_use_is_a_limit_of_the_applications_own():
    told = waits(WAITING, places=(place(wait_site(7, seconds=100.0), inside=1.0, used=1.0),))
    (limit,) = limits_of(told, site_times(told, ROUTE, 0.5), ROUTE, throughput_rps=50.0)
    assert (limit.kind, limit.capacity, limit.waited_s) == ("own", 10.0, 0.5)
    assert limit.held_s == pytest.approx(0.2)
    assert limit.bound_rps == pytest.approx(50.0)


def test_a_place_that_one_holds_is_a_convoy():
    told = waits(WAITING, places=(place(wait_site(7, seconds=10.0), inside=1.0, used=1.0),))
    assert [limit.kind for limit in limits_of(told, site_times(told, ROUTE, 0.5), ROUTE, 50.0)] == ["convoy"]


def test_what_is_held_without_use_is_kept_too_long_and_the_line_of_the_holders_is_named():
    told = waits(WAITING, places=(place(wait_site(7, seconds=95.0), wait_site(8, seconds=5.0), inside=1.0, used=0.05),))
    (limit,) = limits_of(told, site_times(told, ROUTE, 0.5), ROUTE, 50.0)
    assert limit.kind == "kept"
    assert limit.kept_at is not None
    assert limit.kept_at.line == 7
    assert limit.kept_s == pytest.approx(0.19)


def test_requests_on_their_way_out_hold_nothing():
    """One is in the function that took the lock; five have left it and wait for a thread or for the loop."""
    leaving = [wait_site(0, own=False, state=state, seconds=25.0) for state in ("queue", "loop")]
    told = waits(WAITING, places=(place(wait_site(7, seconds=10.0), *leaving, inside=10 / 60, used=1.0),))
    (limit,) = limits_of(told, site_times(told, ROUTE, 0.5), ROUTE, 50.0)
    assert limit.kind == "convoy"
    assert limit.capacity == pytest.approx(1.0)


@pytest.mark.parametrize(
    "changed",
    [{"contended": 1.0}, {"holders": (), "holding": 0.0, "inside": 0.0}],
    ids=["rarely contended", "held by nobody"],
)
def test_a_place_that_is_rarely_contended_or_held_by_nobody_limits_nothing(changed: dict[str, float]):
    told = waits(WAITING, places=(replace(place(wait_site(7, seconds=100.0), inside=1.0), **changed),))  # type: ignore[arg-type]  # made-up values
    assert limits_of(told, site_times(told, ROUTE, 0.5), ROUTE, 50.0) == ()
