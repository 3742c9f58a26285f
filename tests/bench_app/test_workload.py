import asyncio
import re
from pathlib import Path
from typing import cast

import pytest

from bench_app.discovery import _check, discover, names_in
from bench_app.workload import BUSY, Claim, Kind, Request, Workload, WorkloadError


def test_discovery_finds_every_file_in_alphabetical_order():
    found = discover()
    assert list(found) == sorted(found)
    assert found.keys() >= {"database", "external", "file", "item", "root", "sleep"}


def test_a_plain_variant_is_compared_with_sync_and_a_further_one_with_its_own_kind():
    workload = discover()["database"]
    assert {name: workload.rival_of(variant) for name, variant in workload.variants.items()} == {
        "sync": None,
        "async": "sync",
        "blocking": "sync",
        "sync_connect_each": "sync",
        "async_connect_each": "async",
    }


def test_a_handler_that_is_not_what_its_kind_says_is_refused():
    workload = Workload("w", "?")
    with pytest.raises(WorkloadError, match="as `async def`"):
        workload.variant("async")(lambda: None)
    with pytest.raises(WorkloadError, match="as `def`"):
        workload.variant("sync")(asyncio.sleep)


@pytest.mark.parametrize("name", ["", "a/b", "ünï", "a b", "<b>", "..", "_bench", "A"])
def test_a_name_that_cannot_be_part_of_a_path_is_refused(name: str):
    with pytest.raises(WorkloadError, match="lower-case letters"):
        Workload(name, "?")
    with pytest.raises(WorkloadError, match="lower-case letters"):
        Workload("w", "?").variant("sync", name=name or " ")(lambda: None)


def test_two_variants_cannot_share_a_name():
    workload = Workload("w", "?")
    workload.variant("sync")(lambda: None)
    with pytest.raises(WorkloadError, match="two variants are called 'sync'"):
        workload.variant("sync")(lambda: None)


def test_a_variant_keeps_the_label_of_what_it_suffers_from():
    workload = Workload("w", "?")
    workload.variant("sync", suffers=BUSY)(lambda: None)
    workload.variant("sync", name="unlabelled")(lambda: None)
    assert [variant.suffers for variant in workload.variants.values()] == [BUSY, None]


def test_an_unknown_kind_is_refused_with_the_known_ones():
    with pytest.raises(WorkloadError, match="sync, async, blocking, offload"):
        Workload("w", "?").variant(cast(Kind, "threaded"))(lambda: None)


@pytest.mark.parametrize(
    ("workload", "sentence"),
    [
        (Workload("w", "?"), "has no variant"),
        (Workload("w", "?", requests=(Request(weight=0),)), "weight 1 or more"),
        (Workload("w", "?", claims=(Claim("c", "s", "sync", "asink", "WIN"),)), "claim names 'asink'"),
    ],
)
def test_a_workload_that_cannot_be_measured_is_refused(workload: Workload, sentence: str):
    if sentence != "has no variant":
        workload.variant("sync")(lambda: None)
    with pytest.raises(WorkloadError, match=sentence):
        _check(workload, "here.py")


def test_every_variant_says_what_it_does_and_shows_its_source():
    for workload in discover().values():
        for variant in workload.variants.values():
            assert variant.description.endswith("."), variant.path
            assert "def " in variant.source
            assert "@workload.variant" in variant.source


def two(name: str, kind: Kind) -> Workload:
    """A workload with a `sync` and two further variants of that kind, none of which names what it is compared with."""
    workload = Workload("w", "?")

    @workload.variant("sync")
    def first() -> None: ...

    @workload.variant(kind, name=name)
    async def second() -> None: ...

    @workload.variant(kind, name=f"{name}_too")
    async def third() -> None: ...

    return workload


def test_a_further_variant_without_a_plain_one_of_its_kind_is_compared_with_the_baseline():
    workload = two("to_thread", "offload")
    rivals = {name: workload.rival_of(variant) for name, variant in workload.variants.items()}
    assert rivals == {"sync": None, "to_thread": "sync", "to_thread_too": "sync"}


def test_a_further_variant_is_compared_with_the_plain_one_of_its_kind_where_there_is_one():
    workload = two("async", "async")
    assert workload.rival_of(workload.variants["async_too"]) == "async"


def test_without_a_sync_the_first_variant_is_the_baseline():
    workload = Workload("w", "?")

    @workload.variant("async", name="one")
    async def one() -> None: ...

    @workload.variant("offload", name="other")
    async def other() -> None: ...

    rivals = {name: workload.rival_of(variant) for name, variant in workload.variants.items()}
    assert rivals == {"one": None, "other": "one"}


def test_to_be_compared_with_a_variant_that_is_not_there_is_refused():
    workload = two("async", "async")

    @workload.variant("offload", against="asink")
    async def offload() -> None: ...

    with pytest.raises(WorkloadError, match="'asink', which is not a variant"):
        _check(workload, "w.py")


OWN = """
from bench_app.workload import Workload

workload = Workload(name={name!r}, question="Is a file from outside measured?")


@workload.variant("sync")
def in_a_thread() -> dict[str, int]:
    \"\"\"Answers one.\"\"\"
    return {{"answer": 1}}
"""


def test_workloads_of_a_folder_stand_beside_the_built_in_ones(tmp_path: Path):
    (tmp_path / "mine.py").write_text(OWN.format(name="mine"))
    (tmp_path / "_notes.py").write_text("raise RuntimeError")
    found = discover(folder=tmp_path)
    assert found.keys() - discover().keys() == {"mine"}
    assert names_in(tmp_path, found) == ("mine",)
    assert found["mine"].variants["sync"].source.startswith("@workload.variant")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "is not a directory"),
        ({}, "contains no workload file"),
        ({"broken.py": "import nothing_that_there_is"}, "broken.py cannot be imported: ModuleNotFoundError"),
        ({"empty.py": "answer = 42"}, "empty.py defines no `workload`"),
        (
            {"one.py": OWN.format(name="mine"), "two.py": OWN.format(name="mine")},
            "already has a workload called 'mine'",
        ),
        ({"mine.py": OWN.format(name="root")}, "already has a workload called 'root'"),
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
