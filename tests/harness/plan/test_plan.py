from harness.plan.plan import Pair
from tests.rehearsal import plan


def test_pairs_follow_the_variants_and_the_claims_without_repeating_one():
    pairs = plan("external").pairs
    assert Pair("external", "sync", "async") in pairs
    assert Pair("external", "async", "async_session_each") in pairs
    assert len(pairs) == len(set(pairs)) == 4
