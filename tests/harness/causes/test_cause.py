"""Every cause, as its file describes it: found by discovery, with words for a person."""

import pytest

from harness.causes.cause import Cause, discover, explain
from tests.harness.causes.made_up import callee, executor, holding, limit, scene, spending, wait_site


@pytest.mark.parametrize("name", discover())
def test_a_cause_says_what_it_is_what_bears_it_out_and_what_to_do(name: str):
    spent = spending(pre=0.1, calls=1, connects_anew=0.5, pieces=500, piece_bytes=64, overtaken=0.3, lease_wait=5)
    known = scene(
        spent=spent,
        loop_cpu=0.95,
        idle_s=3.0,
        collecting=0.2,
        executors=(executor(),),
        callees=(callee("Page", 100),),
        left_behind=(100, 900),
    )
    (explained,) = explain([Cause(name, 0.8, holding(), limit(), wait_site())], known)
    assert explained.cause.name == name
    assert len(explained.sentence) > 20
    assert explained.sentence[0] != " "
    assert not explained.sentence.endswith(".")
    assert len(explained.advice) > 20
    assert explained.advice[0].isupper()
    assert explained.advice.endswith(".")
    assert all(explained.evidence)
    if explained.prediction is not None:
        assert 0 < explained.prediction.least <= explained.prediction.most


def test_nothing_is_explained_where_nothing_is_known():
    assert explain([Cause("CPU", 1.0)], None) == ()
