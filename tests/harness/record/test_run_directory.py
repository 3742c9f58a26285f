from pathlib import Path

from harness.record.run_directory import make_directory, point_latest
from tests.rehearsal import STARTED


def test_two_runs_of_the_same_second_do_not_share_a_directory(tmp_path: Path):
    assert make_directory(tmp_path, "quick", STARTED) != make_directory(tmp_path, "quick", STARTED)


def test_latest_leads_to_the_newest_run(tmp_path: Path):
    point_latest(make_directory(tmp_path, "older", STARTED))
    newer = make_directory(tmp_path, "newer", STARTED)
    assert point_latest(newer).resolve() == newer


def test_a_directory_in_the_place_of_latest_is_left_alone(tmp_path: Path):
    directory = make_directory(tmp_path, "quick", STARTED)
    (tmp_path / "latest").mkdir()
    (tmp_path / "latest" / "mine").touch()
    assert point_latest(directory) == directory
    assert (tmp_path / "latest" / "mine").exists()
