"""The victims on real servers: what a kept connection feels, what a new one feels, and what is only a lower bound."""

from collections.abc import Iterator

import pytest

from bench_app.paths import BYSTANDER_PATH
from harness.machine.placement import place, usable_cores
from harness.measure.load import Load, open_load
from harness.measure.server import Server
from scenarios.wire.protocol import ClosedLoop, RequestSpec, TrialOrder
from scenarios.wire.victim import Victim, VictimName, VictimSpec

WARM = VictimSpec("async_warm", BYSTANDER_PATH, cold=False, rate_rps=20.0)
COLD = VictimSpec("async_cold", BYSTANDER_PATH, cold=True, rate_rps=20.0)


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Load]:
    with open_load(cores=place(usable_cores()).load, logs=tmp_path_factory.mktemp("load")) as running:
        yield running


def felt(load: Load, server: Server, path: str, users: int = 32, window_s: float = 1.0) -> dict[VictimName, Victim]:
    order = TrialOrder(
        name="victims",
        host="127.0.0.1",
        port=server.port,
        requests=(RequestSpec(path),),
        load=ClosedLoop(users),
        warmup_s=0.3,
        window_s=window_s,
        drain_s=10.0,
        timeout_s=30.0,
        victims=(WARM, COLD),
    )
    return load.run(order, lambda: None).victims


def test_beside_a_handler_that_awaits_both_are_answered_soon(load: Load, server: Server):
    victims = felt(load, server, "/sleep/async", users=8)
    for name in ("async_warm", "async_cold"):
        victim = victims[name]
        assert victim.latency.n == 20
        assert victim.censored.n == 0
        assert victim.failures == {}
        median = victim.percentile_us(50)
        assert median is not None
        assert median < 20_000


def test_beside_a_handler_that_blocks_a_new_connection_waits_longer_and_what_ends_with_the_load_is_a_lower_bound(
    load: Load, server: Server
):
    """uvloop accepts nobody while it is busy: what a new connection waited for is the end of the load."""
    victims = felt(load, server, "/sleep/blocking")
    warm, cold = victims["async_warm"], victims["async_cold"]
    assert warm.latency.n == cold.latency.n == 20
    assert cold.censored.n > 0
    assert cold.is_lower_bound(99)
    warm_p50, cold_p50 = warm.percentile_us(50), cold.percentile_us(50)
    assert warm_p50 is not None
    assert cold_p50 is not None
    assert 100_000 < warm_p50 <= cold_p50
