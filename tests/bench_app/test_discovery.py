"""Workload files: those of the package, those of a folder, and those that cannot be used."""

import re
from pathlib import Path

import pytest

from bench_app.discovery import discover, names_in
from bench_app.workload import WorkloadError

OWN = """
from bench_app.workload import Claim, Request, Workload

workload = Workload(name={name!r}, question="Is a file from outside measured?"{further})


@workload.variant({variant})
def in_a_thread() -> dict[str, int]:
    \"\"\"Answers one.\"\"\"
    return {{"answer": 1}}
"""
VARIANTLESS = """
from bench_app.workload import Workload

workload = Workload(name="mine", question="What is there to measure?")
"""


def own(name: str = "mine", further: str = "", variant: str = '"sync"') -> str:
    """The text of a workload file."""
    return OWN.format(name=name, further=f", {further}" if further else "", variant=variant)


def test_discovery_finds_every_file_in_alphabetical_order():
    found = discover()
    assert list(found) == sorted(found)
    assert found.keys() >= {"database", "external", "file", "item", "root", "sleep"}


def test_workloads_of_a_folder_stand_beside_the_built_in_ones(tmp_path: Path):
    (tmp_path / "mine.py").write_text(own())
    (tmp_path / "_notes.py").write_text("raise RuntimeError")
    found = discover(folder=tmp_path)
    assert found.keys() - discover().keys() == {"mine"}
    assert names_in(tmp_path, found) == ("mine",)
    assert found["mine"].variants["sync"].source.startswith("@workload.variant")


def test_a_file_of_the_same_name_in_another_folder_is_another_file(tmp_path: Path):
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.py").write_text(own(name))
        assert name in discover(folder=tmp_path / name)


def test_names_are_those_of_the_folder_alone(tmp_path: Path):
    (tmp_path / "mine.py").write_text(own())
    assert names_in(tmp_path, discover()) == ()
    with pytest.raises(WorkloadError, match="is not a directory"):
        names_in(tmp_path / "missing", discover())


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "is not a directory"),
        ({}, "contains no workload file"),
        ({"broken.py": "import nothing_that_there_is"}, "broken.py cannot be imported: ModuleNotFoundError"),
        ({"leaving.py": "raise SystemExit(3)"}, "leaving.py cannot be imported: SystemExit: 3"),
        ({"empty.py": "answer = 42"}, "empty.py defines no `workload`"),
        ({"one.py": own(), "two.py": own()}, "already has a workload called 'mine'"),
        ({"mine.py": own("root")}, "already has a workload called 'root'"),
        ({"mine.py": VARIANTLESS}, "mine.py: the workload has no variant"),
        ({"mine.py": own(further="requests=()")}, "needs at least one request"),
        ({"mine.py": own(further="requests=(Request(weight=0),)")}, "each of weight 1 or more"),
        ({"mine.py": own(further="claims=(Claim('c', 's', 'sync', 'asink', 'WIN'),)")}, "a claim names 'asink'"),
        ({"mine.py": own(variant='"sync", against="asink"')}, "with 'asink', which is not a variant"),
    ],
)
def test_a_folder_that_cannot_be_used_is_refused_by_name(tmp_path: Path, content: dict[str, str] | None, sentence: str):
    folder = tmp_path / "own"
    if content is not None:
        folder.mkdir()
        for name, text in content.items():
            (folder / name).write_text(text)
    with pytest.raises(WorkloadError, match=re.escape(sentence)):
        discover(folder=folder)
