import asyncio
from typing import cast

import pytest

from bench_app.discovery import discover
from bench_app.workload import BUSY, Kind, Workload, WorkloadError


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
