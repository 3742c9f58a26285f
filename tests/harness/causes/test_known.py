"""The labels of the variants become cases, and the matrix counts what was found."""

from typing import get_args

import pytest

from bench_app.discovery import discover
from bench_app.workload import Package, Suffers, Workload
from harness.causes.known import LOW, Case, Outcome, cases_of, confusion, on_loop
from harness.exceptions import BadInputError
from harness.plan.level import Level


def labelled(suffers: Suffers | None) -> dict[str, Workload]:
    workload = Workload("w", "?")
    workload.variant("sync", suffers=suffers)(lambda: None)
    return {"w": workload}


@pytest.mark.parametrize("package", get_args(Package))
def test_every_label_names_causes_that_there_are(package: Package):
    workloads = discover(package)
    tried = {case.name for case in cases_of(package, workloads)}
    variants = [variant for workload in workloads.values() for variant in workload.variants.values()]
    assert tried == {f"{each.workload}/{each.name}" for each in variants if each.suffers is not None}


def test_a_variant_without_a_label_is_not_tried():
    assert cases_of("workloads", labelled(None)) == ()


def test_a_label_is_tried_at_a_low_and_at_a_high_level():
    assert cases_of("faults", labelled(Suffers("CPU", function="f", users=8))) == (
        Case("faults", "w", "sync", LOW, None, "f"),
        Case("faults", "w", "sync", Level(8), "CPU", "f"),
    )


def test_a_label_without_causes_means_that_none_may_be_named():
    assert [case.expected for case in cases_of("workloads", labelled(Suffers()))] == [None, None]


def test_the_low_level_is_left_out_where_the_label_says_so():
    assert [case.level for case in cases_of("faults", labelled(Suffers("deadlock", low_tried=False)))] == [Level(64)]


@pytest.mark.parametrize("label", [Suffers("CPUU"), Suffers("CPU", low="CPUU")])
def test_a_label_that_names_an_unknown_cause_is_refused(label: Suffers):
    with pytest.raises(BadInputError, match=r"label of w/sync cannot be tried\. There is no cause 'CPUU': did"):
        cases_of("faults", labelled(label))


def test_the_faults_have_known_causes_at_known_levels():
    """A small pool is a fault only under load; a blocking call is one at any load."""
    cases = {(case.name, case.level): case for case in cases_of("faults", discover("faults"))}
    assert cases["pool/sync", LOW].expected is None
    assert cases["pool/sync", Level(64)].expected == "database pool"
    assert cases["hidden/gathered", LOW].expected == "loop blocked"
    assert cases["hidden/gathered", Level(64)].function == "child"


def outcome(expected: str | None, found: str | None, function: str | None = None) -> Outcome:
    case = Case("faults", "a", "b", Level(1), expected, "guilty")
    return Outcome(case, found, 1.0, function, "")


def test_the_matrix_counts_what_is_against_what_was_found():
    outcomes = [
        outcome("database", "database"),
        outcome("CPU", "upstream"),
        outcome(None, None),
        outcome(None, "CPU"),
    ]
    assert confusion(outcomes) == {
        ("database", "database"): 1,
        ("CPU", "upstream"): 1,
        ("none", "none"): 1,
        ("none", "CPU"): 1,
    }


def test_on_the_other_loop_the_high_levels_are_tried_again():
    cases = on_loop(cases_of("faults", labelled(Suffers("CPU"))), "asyncio")
    assert [(case.level.users, case.level.rate_rps, case.level.knobs.loop) for case in cases] == [(64, None, "asyncio")]


def test_the_right_cause_at_the_wrong_line_misses():
    assert outcome("loop blocked", "loop blocked", "guilty").agrees
    assert not outcome("loop blocked", "loop blocked", "innocent").agrees
