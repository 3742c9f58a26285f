import json
from pathlib import Path

import pytest

from harness.exceptions import BadInputError
from harness.record import make_directory, point_latest, read_run
from tests.rehearsal import STARTED, plan, rehearse, result


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return rehearse(tmp_path, plan("root"), lambda trial: result(1_000.0 + trial.number))


def test_a_run_is_read_back_as_it_was_written(directory: Path):
    run = read_run(directory)
    assert run.manifest.plan == plan("root")
    assert [recorded.trial for recorded in run.trials] == list(plan("root").trials)
    assert run.trials[3].result == result(1_004.0)
    assert run.is_complete


def test_two_runs_of_the_same_second_do_not_share_a_directory(tmp_path: Path):
    assert make_directory(tmp_path, "quick", STARTED) != make_directory(tmp_path, "quick", STARTED)


def test_latest_leads_to_the_newest_run(tmp_path: Path, directory: Path):
    point_latest(directory)
    newer = make_directory(tmp_path, "newer", STARTED)
    assert point_latest(newer).resolve() == newer


def test_a_foreign_directory_is_refused(tmp_path: Path):
    with pytest.raises(BadInputError, match="holds no run"):
        read_run(tmp_path)
    with pytest.raises(BadInputError, match="holds no run"):
        read_run(tmp_path / "nowhere")


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"schema": 2}', "\x00\xff"])
def test_a_damaged_manifest_is_refused_by_name(directory: Path, damage: str):
    (directory / "run.json").write_text(damage)
    with pytest.raises(BadInputError, match=r"run\.json is damaged or of another version"):
        read_run(directory)


def test_a_damaged_trial_is_refused_by_name(directory: Path):
    (directory / "trials" / "0002.json").write_text('{"trial": 1}')
    with pytest.raises(BadInputError, match=r"0002\.json is damaged"):
        read_run(directory)


def test_a_trial_of_another_run_is_refused(directory: Path):
    trial = json.loads((directory / "trials" / "0001.json").read_text())
    trial["trial"]["variant"] = "async" if trial["trial"]["variant"] == "sync" else "sync"
    (directory / "trials" / "0001.json").write_text(json.dumps(trial))
    with pytest.raises(BadInputError, match="trial 1 is not one of this run's plan"):
        read_run(directory)


def test_a_run_without_a_finished_trial_is_refused(tmp_path: Path):
    with pytest.raises(BadInputError, match="no finished trial"):
        read_run(rehearse(tmp_path, plan("root"), lambda trial: result(1.0), trials=0))
