from typing import Any

import pytest

from bench_app.discovery import discover
from harness.exceptions import BadInputError
from harness.plan.knobs import make_knobs
from harness.plan.options import RunOptions
from harness.plan.planning import make_plan
from tests.rehearsal import plan

# A workload that somebody adds makes a run of everything longer; these tests are about the workloads named here.
BUILT_IN = {name: discover()[name] for name in ("database", "external", "file", "item", "root", "sleep")}


def test_a_variant_without_its_rival_is_measured_alone():
    made = plan("sleep", variants=["async"])
    assert [variant.name for variant in made.workloads[0].variants] == ["async"]
    assert made.pairs == ()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"workloads": ["databse"]}, "no workload 'databse': did you mean 'database'"),
        ({"workloads": ["zzz"]}, "choose from database, external, file, item, root, sleep"),
        ({"variants": ["asink"]}, "no variant 'asink': did you mean 'async'"),
        ({"profile": "quik"}, "no profile 'quik': did you mean 'quick'"),
        ({"users": [0]}, "--users 0 is out of range: give a number from 1 to 10000"),
        ({"seconds": 0.0}, "--seconds 0 is out of range"),
        ({"seconds": float("nan")}, "--seconds nan is out of range"),
        ({"blocks": 0}, "--blocks 0 is out of range"),
    ],
)
def test_what_cannot_be_planned_is_refused_with_what_to_do(options: dict[str, object], sentence: str):
    with pytest.raises(BadInputError, match=sentence):
        make_plan(BUILT_IN, RunOptions(**options))


def test_an_open_loop_has_no_step_at_an_equal_rate():
    assert make_plan(discover(), RunOptions(rate=[100], profile="standard")).iso_pairs == ()


@pytest.mark.parametrize(
    ("options", "fragment"),
    [
        ({"think_ms": -1}, "--think-ms"),
        ({"think_ms": 5, "rate": [100]}, "closed loop"),
        ({"iso_rate": 1.5}, "--iso-rate"),
        ({"load_processes": 0}, "--load-processes"),
        ({"load_processes": 4, "users": [2]}, "cannot share 2 users"),
    ],
)
def test_load_that_makes_no_sense_is_refused(options: dict[str, Any], fragment: str):
    with pytest.raises(BadInputError, match=fragment):
        make_plan(discover(), RunOptions(**options))


def test_what_the_options_leave_open_comes_from_the_profile():
    made = make_plan(BUILT_IN, RunOptions(profile="standard"))
    assert (made.blocks, made.max_blocks, made.window_s, made.fresh_server) == (6, 10, 5.0, True)
    asked = make_plan(BUILT_IN, RunOptions(profile="standard", blocks=3, seconds=1.0, fresh_server=False))
    assert (asked.blocks, asked.max_blocks, asked.window_s, asked.fresh_server) == (3, 3, 1.0, False)


def test_a_window_that_the_user_chose_is_not_changed_by_a_pilot():
    assert make_plan(BUILT_IN).pilot_s > 0
    assert make_plan(BUILT_IN, RunOptions(seconds=0.5)).pilot_s == 0
    assert make_plan(BUILT_IN, RunOptions(warmup=0.5)).pilot_s == 0


def test_a_rate_that_sends_nothing_in_a_window_is_refused():
    with pytest.raises(BadInputError, match="less than one request in a window"):
        make_plan(BUILT_IN, RunOptions(rate=[1.0], seconds=0.5))


def test_a_knob_that_only_a_workload_without_chosen_variants_uses_is_refused():
    knobs = make_knobs({"pool_size": [5, 10]})
    with pytest.raises(BadInputError, match="--pool-size"):
        make_plan(BUILT_IN, RunOptions(variants=["offload"], settings=knobs))
