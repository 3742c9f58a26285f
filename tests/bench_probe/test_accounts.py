"""The accounts of a diagnosed application: where the time of a request goes."""

import anyio.to_thread
import pytest

from tests.bench_probe.diagnosed import WAIT_S, accounts


@pytest.mark.usefixtures("quiet")
def test_to_wait_on_the_loop_and_to_compute_there_are_told_apart():
    waits, _ = accounts("/blocks/directly")
    computes, _ = accounts("/computes/only")
    assert waits["long_computing"] < 0.2 * waits["long_stepping"]
    assert computes["long_computing"] > 0.7 * computes["long_stepping"]


def test_who_awaits_holds_nothing():
    account, stacks = accounts("/awaits/only")
    assert account["long_stepping"] < 0.1 * WAIT_S * 1e9
    assert not [site for site in stacks["sites"] if site["function"] == "awaits"]


@pytest.mark.usefixtures("quiet")
def test_a_hop_is_split_into_queue_service_and_return():
    """Four requests on two threads: two of them wait for one service time."""
    account, _ = accounts("/threads/only", requests=4, threads=2)
    assert account["hops"] == 4
    assert account["served"] == pytest.approx(4 * WAIT_S * 1e9, rel=0.15)
    assert account["queued"] == pytest.approx(2 * WAIT_S * 1e9, rel=0.25)


def test_a_stamped_request_tells_how_long_nobody_looked():
    account, _ = accounts("/awaits/only", stamp=True)
    assert account["stamped"] == 1
    assert account["pre"] > 5_000_000


def test_the_accounts_leave_everything_as_it_was():
    run_sync = anyio.to_thread.run_sync
    accounts("/threads/only")
    assert anyio.to_thread.run_sync is run_sync
