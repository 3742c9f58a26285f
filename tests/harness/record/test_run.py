import json
from pathlib import Path

import pytest

from harness.exceptions import BadInputError
from harness.record.run import read_run
from tests.rehearsal import plan, rehearse, result, schedule


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return rehearse(tmp_path, plan("root"), lambda trial: result(1_000.0 + trial.number))


def test_a_run_is_read_back_as_it_was_written(directory: Path):
    run = read_run(directory)
    assert run.manifest.plan == plan("root")
    assert [recorded.trial for recorded in run.trials] == list(schedule("root").trials)
    assert run.trials[3].result == result(1_004.0)
    assert run.is_complete


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


def test_a_trial_that_stands_there_twice_is_refused(directory: Path):
    (directory / "trials" / "0050.json").write_bytes((directory / "trials" / "0001.json").read_bytes())
    with pytest.raises(BadInputError, match=r"0050\.json is damaged"):
        read_run(directory)


@pytest.mark.parametrize(
    "change", [{"window_s": 0}, {"completed": -5}, {"cpu_s": {}}, {"latency": {"bins": [[9999, 1]]}}]
)
def test_a_trial_with_impossible_figures_is_refused(directory: Path, change: dict[str, object]):
    path = directory / "trials" / "0001.json"
    trial = json.loads(path.read_text())
    for name, value in change.items():
        trial["result"][name] = trial["result"][name] | value if name == "latency" else value
    path.write_text(json.dumps(trial))
    with pytest.raises(BadInputError, match=r"0001\.json is damaged"):
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
