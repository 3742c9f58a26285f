"""Trials by the real load process, against a real server and against servers that misbehave."""

import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from bench_app.paths import BYSTANDER_PATH
from harness.machine.placement import place, usable_cores
from harness.measure.child import Child
from harness.measure.load import Load, open_load
from harness.measure.server import Server
from scenarios.wire.protocol import UNANSWERED, ClosedLoop, RequestSpec, TrialOrder, TrialResult
from scenarios.wire.victim import VictimSpec

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Load]:
    with open_load(cores=place(usable_cores()).load, logs=tmp_path_factory.mktemp("load")) as running:
        yield running


def run(process: Load, port: int, *requests: RequestSpec, users: int = 4, **changes: object) -> TrialResult:
    order = TrialOrder(
        name="test",
        host="127.0.0.1",
        port=port,
        requests=requests or (RequestSpec("/"),),
        load=ClosedLoop(users),
        warmup_s=0.1,
        window_s=0.4,
        drain_s=1.0,
        timeout_s=0.3,
    )
    return process.run(replace(order, **changes), lambda: None)  # type: ignore[arg-type]


@contextmanager
def toy_server(behave: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server that does to each connection what `behave` says."""

    def attend(connection: socket.socket) -> None:
        with connection:
            with suppress(OSError):
                behave(connection)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=attend, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(timeout=5)


def test_a_closed_loop_obeys_littles_law(load: Load, server: Server):
    result = run(load, server.port, RequestSpec("/sleep/async"), users=8, window_s=1.0, timeout_s=30.0)
    assert result.failures == {}
    assert result.latency.mean_us is not None
    assert result.completed / result.window_s * result.latency.mean_us / 1e6 == pytest.approx(8, rel=0.1)
    assert result.latency.min_us >= 19_000


def test_a_mix_is_sent_by_its_weights_and_an_expected_400_is_a_success(load: Load, server: Server):
    mix = (RequestSpec("/item/async/1", 200, 2), RequestSpec("/item/async/-1", 400), RequestSpec("/item/async/x", 422))
    assert run(load, server.port, *mix).failures == {}
    wrong = run(load, server.port, *mix[:2], RequestSpec("/item/async/x", 200))
    assert wrong.failures.keys() == {"status 422"}
    share = wrong.failures["status 422"] / (wrong.latency.n + wrong.failures["status 422"])
    assert share == pytest.approx(1 / 4, abs=0.05)


def test_requests_in_flight_at_the_end_are_followed_to_their_answer(load: Load, server: Server):
    result = run(load, server.port, RequestSpec("/sleep/blocking"), users=20, drain_s=5.0, timeout_s=30.0)
    assert result.failures == {}
    assert result.latency.max_us > 100_000


def test_the_bystander_feels_a_blocked_loop_and_not_a_waiting_one(load: Load, server: Server):
    def felt(path: str) -> float:
        result = run(
            load,
            server.port,
            RequestSpec(path),
            users=16,
            window_s=1.0,
            drain_s=5.0,
            timeout_s=30.0,
            victims=(VictimSpec("async_warm", BYSTANDER_PATH, cold=False, rate_rps=20.0),),
        )
        victim = result.victims["async_warm"]
        assert victim.latency.n == 20
        median = victim.percentile_us(50)
        assert median is not None
        return median

    assert felt("/sleep/blocking") > 20_000
    assert felt("/sleep/async") < 20_000


def test_a_refusing_port_is_counted_as_refused(load: Load):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        result = run(load, taken.getsockname()[1])
    assert result.completed == 0
    assert result.failures.keys() == {"refused"}


def test_a_server_that_never_answers_is_counted_as_time_outs(load: Load):
    def stay_silent(connection: socket.socket) -> None:
        while connection.recv(65_536):
            pass

    with toy_server(stay_silent) as port:
        result = run(load, port)
    assert result.completed == 0
    assert result.failures.keys() <= {"timeout", "unanswered when the drain ended"}
    assert result.failures["timeout"] >= 4


def test_a_request_of_the_warm_up_that_is_never_answered_is_not_forgotten(load: Load):
    answered = threading.Semaphore(20)

    def fall_silent(connection: socket.socket) -> None:
        while connection.recv(65_536):
            if answered.acquire(blocking=False):
                connection.sendall(ANSWER)

    with toy_server(fall_silent) as port:
        result = run(load, port, warmup_s=0.3, drain_s=0.2, timeout_s=30.0)
    assert (result.connected, result.completed) == (4, 0)
    assert result.failures == {UNANSWERED: 4}


def test_users_begin_one_after_the_other_and_not_in_step(load: Load):
    arrived: list[float] = []

    def note(connection: socket.socket) -> None:
        while connection.recv(65_536):
            arrived.append(time.monotonic())
            time.sleep(0.5)
            connection.sendall(ANSWER)

    with toy_server(note) as port:
        run(load, port, users=10, warmup_s=0.4)
    first = sorted(arrived)[:10]
    assert first[-1] - first[0] == pytest.approx(0.27, abs=0.15)


def test_a_server_that_speaks_no_http_is_counted_as_protocol_errors(load: Load):
    def babble(connection: socket.socket) -> None:
        while connection.recv(65_536):
            connection.sendall(b"\x00\x01 what?\r\n\r\n")

    with toy_server(babble) as port:
        result = run(load, port)
    assert result.completed == 0
    assert result.failures.keys() == {"protocol"}


def test_an_answer_that_is_cut_off_is_counted_as_closed(load: Load):
    def cut_off(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(ANSWER[:-1])

    with toy_server(cut_off) as port:
        result = run(load, port)
    assert result.completed == 0
    assert result.failures.keys() <= {"closed", "reset"}


def test_a_server_that_closes_after_each_answer_is_reconnected_to_without_failures(load: Load):
    def answer_once(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(ANSWER.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))

    with toy_server(answer_once) as port:
        result = run(load, port)
    assert result.failures == {}
    assert result.completed > 4


def test_an_answer_in_pieces_and_chunks_is_one_answer(load: Load):
    def trickle(connection: socket.socket) -> None:
        while connection.recv(65_536):
            for byte in b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n":
                connection.sendall(bytes([byte]))

    with toy_server(trickle) as port:
        result = run(load, port)
    assert result.failures == {}
    assert result.completed > 0


def test_an_answer_without_end_is_a_time_out_and_fills_no_memory(load: Load):
    def pour(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 10737418240\r\n\r\n")
        while True:
            connection.sendall(bytes(1 << 20))

    load.await_ready()  # it imports Locust until then, which fills memory, too
    before = psutil.Process(load.pid).memory_info().rss
    with toy_server(pour) as port:
        result = run(load, port, users=2)
    assert result.completed == 0
    assert result.failures.keys() <= {"timeout", UNANSWERED}
    assert psutil.Process(load.pid).memory_info().rss - before < 20 << 20


def test_headers_without_end_are_a_time_out_and_fill_no_memory(load: Load):
    def go_on(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.sendall(b"x-more: and more\r\n" * 1_000)

    before = psutil.Process(load.pid).memory_info().rss
    with toy_server(go_on) as port:
        result = run(load, port, users=2)
    assert result.completed == 0
    assert result.failures.keys() <= {"timeout", UNANSWERED, "protocol"}
    assert psutil.Process(load.pid).memory_info().rss - before < 20 << 20


def test_a_body_and_headers_reach_the_server_as_declared(load: Load):
    received: set[bytes] = set()

    def note(connection: socket.socket) -> None:
        while request := connection.recv(65_536):
            received.add(request)
            connection.sendall(ANSWER)

    spec = RequestSpec("/a", method="POST", headers=(("Content-Type", "application/json"),), body='{"b": 1}')
    with toy_server(note) as port:
        result = run(load, port, spec)
    assert result.failures == {}
    (request,) = received
    assert request.startswith(b"POST /a HTTP/1.1\r\n")
    assert request.endswith(b'Content-Length: 8\r\n\r\n{"b": 1}')


def test_a_think_time_passes_between_answer_and_next_request(load: Load, server: Server):
    result = run(load, server.port, RequestSpec("/root/async"), load=ClosedLoop(4, think_s=0.05), window_s=0.5)
    assert result.failures == {}
    assert result.completed == pytest.approx(4 * 0.5 / 0.05, rel=0.25)


def test_a_server_on_ipv6_is_loaded_as_any_other(load: Load, tmp_path: Path):
    command = [sys.executable, "-m", "bench_app.null_server", "--host", "::1"]
    with Child("nothing", command, cores=place(usable_cores()).server, log=tmp_path / "log", piped=True) as child:
        port = child.output.readline()
        if not port.strip():
            pytest.skip("this machine has no IPv6 on loopback")
        result = run(load, int(port), host="::1")
    assert result.failures == {}
    assert result.completed > 100


def test_a_thousand_connections_are_held_by_one_load_process(load: Load, tmp_path: Path):
    command = [sys.executable, "-m", "bench_app.null_server"]
    with Child("nothing", command, cores=place(usable_cores()).server, log=tmp_path / "log", piped=True) as child:
        result = run(load, int(child.output.readline()), users=1_500, window_s=0.5, timeout_s=10.0)
    assert result.connected == 1_500
    assert result.failures == {}
    assert result.answered >= 1_500
