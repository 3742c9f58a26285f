"""The labelled faults: every variant is one of them, or faultless, and the matrix counts what was found."""

from bench_app.workload import discover
from harness.causes.known import AT_HIGH, Case, Outcome, cases_of, confusion
from harness.plan.level import Level


def test_every_variant_is_labelled_at_a_low_and_at_a_high_level():
    workloads = discover()
    cases = cases_of("workloads", workloads)
    variants = [variant for workload in workloads.values() for variant in workload.variants.values()]
    assert len(cases) == 2 * len(variants)
    assert {case.level.model for case in cases} == {"open", "closed"}


def test_every_fault_is_a_case():
    names = {case.name for case in cases_of("faults", discover("faults"))}
    known = {f"{workload.name}/{name}" for workload in discover("faults").values() for name in workload.variants}
    assert names == known <= set(AT_HIGH)


def outcome(expected: tuple[str | None, ...], found: str | None, function: str | None = None) -> Outcome:
    case = Case("faults", "a", "b", Level(1), expected, "guilty")  # type: ignore[arg-type]
    return Outcome(case, found, 1.0, function, "")  # type: ignore[arg-type]


def test_the_matrix_counts_what_is_against_what_was_found():
    outcomes = [
        outcome(("CPU", "database"), "database"),
        outcome(("CPU", "database"), "upstream"),
        outcome((None,), None),
        outcome((None,), "CPU"),
    ]
    assert confusion(outcomes) == {
        ("database", "database"): 1,
        ("CPU", "upstream"): 1,
        ("none", "none"): 1,
        ("none", "CPU"): 1,
    }


def test_the_right_cause_at_the_wrong_line_misses():
    assert outcome(("loop blocked",), "loop blocked", "guilty").agrees
    assert not outcome(("loop blocked",), "loop blocked", "innocent").agrees
