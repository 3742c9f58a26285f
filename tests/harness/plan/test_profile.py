import pytest

from bench_app.discovery import discover
from harness.plan.planning import make_plan
from harness.plan.profile import PROFILES, Profile
from harness.plan.schedule import Schedule

BUILT_IN = {name: discover()[name] for name in ("database", "external", "file", "item", "root", "sleep")}


def test_the_quick_profile_is_planned_to_take_less_than_200_seconds():
    assert Schedule(make_plan(BUILT_IN)).expected_s() < 200


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_a_profile_allows_the_windows_and_blocks_that_it_starts_from(profile: Profile):
    assert profile.window_s <= profile.longest_s
    assert profile.blocks <= profile.max_blocks
    assert profile.budget_s > profile.blocks * (profile.warmup_s + profile.window_s)


def test_a_profile_for_a_claim_starts_servers_anew_and_compares_at_an_equal_rate():
    assert [name for name, profile in PROFILES.items() if profile.fresh_server and profile.iso_share] == [
        "standard",
        "thorough",
    ]
