"""What a request spends more under load than without, and which part of a queue is due to too few places."""

import pytest

from harness.causes.charge import Contrast, own_share
from tests.harness.causes.made_up import MS, spending, symptoms


def contrast(before: dict[str, float], after: dict[str, float]) -> Contrast:
    return Contrast(spending(**before), spending(**after), symptoms(None))


def test_a_part_grows_by_what_it_takes_longer_under_load():
    assert contrast({"queued": 1.0}, {"queued": 16.0}).grew("queued") == pytest.approx(15 * MS)


def test_a_part_that_takes_less_time_under_load_did_not_grow():
    assert contrast({"leased": 5.0}, {"leased": 2.0}).grew("leased") == 0.0


def test_a_place_that_is_kept_ten_times_longer_leaves_the_limit_a_tenth_of_the_queue():
    assert contrast({"leased": 2.0}, {"leased": 20.0}).own_share("leased") == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("before_s", "after_s"),
    [(0.02, 0.02), (0.02, 0.01), (0.0, 0.02), (0.02, 0.0), (0.0, 0.0)],
    ids=["as long", "shorter", "not known before", "not known under load", "neither known"],
)
def test_the_limit_has_the_whole_queue_where_no_place_is_known_to_be_kept_longer(before_s: float, after_s: float):
    assert own_share(before_s, after_s) == 1.0
