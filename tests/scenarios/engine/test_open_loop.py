"""The open loop against servers whose answer is known: the latency that it reports is the one that was charged."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from harness.machine.placement import place, usable_cores
from harness.measure.load import Load, open_load
from harness.measure.server import Server
from scenarios.wire.protocol import OpenLoop, RequestSpec, TrialOrder, TrialResult
from tests.scenarios.runner.test_trial import ANSWER, toy_server


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Load]:
    with open_load(cores=place(usable_cores()).load, logs=tmp_path_factory.mktemp("load")) as running:
        yield running


def run(
    process: Load, port: int, load: OpenLoop, path: str = "/", window_s: float = 1.0, timeout_s: float = 5.0
) -> TrialResult:
    order = TrialOrder(
        name="open",
        host="127.0.0.1",
        port=port,
        requests=(RequestSpec(path),),
        load=load,
        warmup_s=0.2,
        window_s=window_s,
        drain_s=5.0,
        timeout_s=timeout_s,
    )
    return process.run(order, lambda: None)


@contextmanager
def stalling_server(stall_from_s: float, stall_s: float) -> Iterator[int]:
    """Answers at once, but for one stall that begins `stall_from_s` after its first request."""
    started = threading.Event()
    begun: list[float] = []

    def answer(connection) -> None:
        while connection.recv(65_536):
            if not begun:
                begun.append(time.monotonic())
                started.set()
            since = time.monotonic() - begun[0]
            if stall_from_s <= since < stall_from_s + stall_s:
                time.sleep(stall_from_s + stall_s - since)
            connection.sendall(ANSWER)

    with toy_server(answer) as port:
        yield port


def test_the_rate_is_the_one_that_was_asked_for(process: Load, server: Server):
    for arrivals in ("constant", "poisson"):
        load = OpenLoop(users=32, rate_rps=400.0, arrivals=arrivals)
        result = run(process, server.port, load, "/sleep/async")
        assert result.failures == {}
        assert result.dropped == 0
        assert result.latency.n == pytest.approx(400, abs=3 if arrivals == "constant" else 80)
        assert result.service.n == result.send_lag.n == result.latency.n


def test_an_unhurried_open_loop_reports_what_the_server_takes(process: Load, server: Server):
    result = run(process, server.port, OpenLoop(users=32, rate_rps=200.0), "/sleep/async")
    median = result.latency.percentile_us(50)
    assert median is not None
    assert 19_000 <= median <= 30_000
    assert result.latency.min_us >= 19_000


def test_a_stall_is_charged_to_every_request_that_was_due_in_it(process: Load):
    """200 requests a second and a stall of 0.5 s: a hundred are due in it, and wait for half of it on average."""
    with stalling_server(stall_from_s=0.6, stall_s=0.5) as port:
        result = run(process, port, OpenLoop(users=4, rate_rps=200.0), window_s=1.5)
    assert result.failures == {}
    slow = sum(count for index, count in result.latency.bins if index > 900)  # beyond about 10 ms
    assert slow == pytest.approx(98, abs=20)
    assert result.latency.max_us == pytest.approx(500_000, rel=0.2)
    # Only the connections' own requests saw it by their sending: that is all a closed loop would have reported.
    assert sum(count for index, count in result.service.bins if index > 900) <= 20
    assert result.latency.sum_us == pytest.approx(result.service.sum_us + result.send_lag.sum_us, rel=0.01)


def test_what_waits_longer_than_a_request_may_take_is_dropped_and_counted(process: Load, server: Server):
    # One connection at 20 ms a request carries 50 a second; 200 are due.
    result = run(process, server.port, OpenLoop(users=1, rate_rps=200.0), "/sleep/async", timeout_s=0.1)
    assert result.completed == pytest.approx(48, abs=15)
    assert result.dropped > 100
    assert result.latency.n + result.dropped + sum(result.failures.values()) == pytest.approx(200, abs=2)
    assert result.latency.max_us < 200_000


def test_every_request_is_sent_once_and_counted_once(process: Load, server: Server):
    result = run(process, server.port, OpenLoop(users=16, rate_rps=1_000.0), "/root/async")
    # 1.2 s of warm-up and window, and the cool-down.
    assert result.sent == result.answered
    assert 1_215 <= result.sent <= 1_250


def test_the_slices_of_a_trial_add_up_to_the_whole(process: Load, server: Server):
    result = run(process, server.port, OpenLoop(users=16, rate_rps=500.0), "/root/async", window_s=2.3)
    assert len(result.slices) in (11, 12)  # the last ones are of cool-down and drain
    assert result.slice_s == pytest.approx(0.23)
    assert sum(each.completed for each in result.slices) == result.completed
    assert sum(each.latency.n for each in result.slices) == result.latency.n
    assert [each.completed for each in result.slices][:10] == [pytest.approx(115, abs=30)] * 10
