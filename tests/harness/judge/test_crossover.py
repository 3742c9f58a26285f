"""A search for a crossover as its directory holds it, judged level by level."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.exceptions import BadInputError
from harness.judge.crossover import (
    CrossoverPlan,
    CrossoverResult,
    level_directory,
    read_crossover,
    read_step,
    to_summary,
)
from harness.plan.level import Level
from harness.record.run import read_run
from tests.rehearsal import rehearse_crossover

LEVELS = (10, 20, 80)


def rates(variant: str, users: int) -> float:
    """Threads cost less of few users, and are all taken by 40."""
    if variant == "sync":
        return min(users, 40) / 0.0215
    return users / (0.026 if users <= 20 else 0.0208)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rehearse_crossover(tmp_path_factory.mktemp("reports"), rates, LEVELS)


@pytest.fixture(scope="module")
def curves(directory: Path) -> CrossoverResult:
    return read_crossover(directory)


def over_wait(sought: CrossoverPlan) -> CrossoverPlan:
    return replace(sought, over="wait_ms", low=1, high=200, users=64)


def test_the_steps_are_ordered_by_level_and_favour_the_better_variant(curves: CrossoverResult):
    assert [(point.level, point.favours) for point in curves.points] == [
        (10, "baseline"),
        (20, "baseline"),
        (80, "contender"),
    ]
    assert curves.is_complete


def test_the_summary_names_the_variants_and_every_level(curves: CrossoverResult):
    summary = to_summary(curves)
    assert [level["level"] for level in summary["levels"]] == list(LEVELS)
    assert [level["favours"] for level in summary["levels"]] == ["sync", "sync", "async"]
    assert (summary["range"], summary["users"], summary["complete"]) == ([10, 80], None, True)
    assert summary["saturation_at"] == 40
    (found,) = summary["crossings"]
    assert (found["better_below"], found["better_above"]) == ("sync", "async")
    assert (found["low"], found["high"]) == (20, 80)
    assert found["low"] <= found["level"] <= found["high"]


def test_an_invalid_level_favours_nobody_and_gives_the_search_no_ratio(tmp_path: Path):
    made = rehearse_crossover(tmp_path, rates, LEVELS, problems={"sleep/async": "answers another body"}, ended=False)
    curves = read_crossover(made)
    assert {(point.ratio, point.favours) for point in curves.points} == {(None, None)}
    assert curves.crossings == ()
    summary = to_summary(curves)
    assert {(level["verdict"], level["favours"]) for level in summary["levels"]} == {("INVALID", None)}
    assert summary["complete"] is False


def test_a_level_with_more_blocks_than_one_measurement_has_was_measured_again(curves: CrossoverResult, directory: Path):
    run = read_run(level_directory(directory, 20))
    once, again = (read_step(replace(curves.sought, blocks=blocks), 20, run) for blocks in (4, 2))
    assert once is not None
    assert again is not None
    assert (once.again, again.again) == (False, True)


def test_a_level_of_users_loads_the_workload_and_a_level_of_wait_changes_it(curves: CrossoverResult):
    workload, load = curves.sought.at(20)
    assert (workload.wait_s, load) == (0.02, Level(20))
    workload, load = over_wait(curves.sought).at(150)
    assert (workload.wait_s, load) == (0.15, Level(64))


def test_the_bound_is_known_at_levels_that_were_not_measured(curves: CrossoverResult):
    sync, task = (curves.bound(variant, 60) for variant in ("sync", "async"))
    assert sync is not None
    assert task is not None
    assert (sync.rps, task.rps) == pytest.approx((2_000, 3_000))


def test_the_saturation_point_lies_within_the_range_or_there_is_none(curves: CrossoverResult):
    found = curves.saturation
    assert found is not None
    assert (found.level, found.variant, found.bound.resource) == (40, "sync", "threads")
    for low, high in ((1, 40), (41, 256)):
        assert replace(curves, sought=replace(curves.sought, low=low, high=high)).saturation is None
    # With 64 users, 40 threads are too few for any wait.
    assert replace(curves, sought=over_wait(curves.sought)).saturation is None


def test_the_directories_of_levels_sort_by_level():
    names = [level_directory(Path("x"), level).name for level in (9, 10, 10_000)]
    assert names == sorted(names) == ["00009", "00010", "10000"]


def test_a_damaged_or_missing_search_is_refused_in_a_sentence(tmp_path: Path):
    with pytest.raises(BadInputError, match=r"crossover\.json is damaged"):
        read_crossover(tmp_path)
    (tmp_path / "crossover.json").write_text("{")
    with pytest.raises(BadInputError, match=r"crossover\.json is damaged"):
        read_crossover(tmp_path)


def test_a_search_in_which_no_level_was_measured_is_refused_in_a_sentence(tmp_path: Path):
    made = rehearse_crossover(tmp_path, rates, (10, 40), trials=0)
    with pytest.raises(BadInputError, match="no level at which both variants were measured"):
        read_crossover(made)


def test_a_level_at_which_one_variant_was_measured_is_left_out(tmp_path: Path):
    made = rehearse_crossover(tmp_path, rates, (10, 40))
    trials = sorted((level_directory(made, 40) / "trials").iterdir())
    for trial in trials[1:]:
        trial.unlink()
    assert [step.level for step in read_crossover(made).steps] == [10]
