import statistics
import time

import pytest
import requests

from bench_app.upstream import latency_source
from harness.measure.services import Services


def test_the_upstream_never_answers_before_its_declared_latency(services: Services):
    assert services.upstream is not None
    with requests.Session() as session:
        for _ in range(20):
            started = time.perf_counter()
            session.get(services.upstream.url)
            assert time.perf_counter() - started >= 0.02


def test_it_counts_the_calls_that_it_answered(services: Services):
    upstream = services.upstream
    assert upstream is not None
    before = upstream.calls()
    for _ in range(3):
        requests.get(upstream.url)
    assert upstream.calls() - before == 3


def test_log_normal_latencies_repeat_with_their_seed_and_have_the_declared_median():
    def drawn(seed: int) -> list[float]:
        source = latency_source(0.02, 0.5, seed)
        return [source() for _ in range(4_000)]

    assert drawn(7) == drawn(7)
    assert drawn(7) != drawn(8)
    assert statistics.median(drawn(7)) == pytest.approx(0.02, rel=0.05)
