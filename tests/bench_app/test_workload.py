import asyncio

import pytest

from bench_app.workload import BUSY, Claim, Request, Workload, WorkloadError, _check, discover


def test_discovery_finds_every_file_in_alphabetical_order():
    found = discover()
    assert list(found) == sorted(found)
    assert found.keys() >= {"database", "external", "file", "item", "root", "sleep"}


def test_a_plain_variant_is_compared_with_sync_and_a_further_one_with_its_own_kind():
    variants = discover()["database"].variants
    assert {name: variant.against for name, variant in variants.items()} == {
        "sync": None,
        "async": "sync",
        "blocking": "sync",
        "sync_connect_each": "sync",
        "async_connect_each": "async",
    }


def test_a_handler_that_is_not_what_its_kind_says_is_refused():
    workload = Workload("w", "?")
    with pytest.raises(WorkloadError, match="is written as `async def`"):
        workload.variant("async")(lambda: None)
    with pytest.raises(WorkloadError, match="is written as `def`"):
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
        Workload("w", "?").variant("threaded")(lambda: None)


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
