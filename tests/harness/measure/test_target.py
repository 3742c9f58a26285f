"""Servers that were not started by the run: found, named, refused, and measured without telemetry."""

import json
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from bench_app.discovery import discover
from harness.exceptions import BadInputError
from harness.machine.placement import place, usable_cores
from harness.measure.child import Child
from harness.measure.server import Server
from harness.measure.target import aimed, find_server
from harness.plan.options import RunOptions
from harness.plan.plan import Plan
from harness.plan.planning import make_plan
from tests.conftest import Bench
from tests.scenarios.runner.test_trial import ANSWER, toy_server


@pytest.fixture(scope="module")
def nothing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    command, log = [sys.executable, "-m", "bench_app.null_server"], tmp_path_factory.mktemp("nothing") / "log"
    with Child("nothing", command, cores=place(usable_cores()).server, log=log, piped=True) as child:
        yield int(child.output.readline())


def plan(*only: str) -> Plan:
    return make_plan(discover(), RunOptions(workloads=only))


@pytest.mark.parametrize(
    ("url", "fragment"),
    [
        ("https://127.0.0.1/", "only plain http"),
        ("ftp://127.0.0.1/", "only plain http"),
        ("http://me:secret@127.0.0.1/", "take them out"),
        ("http://", "is not an address"),
        ("http://127.0.0.1:99999/", "is not an address"),
        ("http://127.0.0.1/a b", "is not an address"),
        ("http://nowhere.invalid/", "Nothing answers"),
    ],
)
def test_an_address_that_cannot_be_loaded_is_refused_with_a_sentence(url: str, fragment: str):
    with pytest.raises(BadInputError, match=fragment) as refused:
        find_server(url)
    assert "secret" not in str(refused.value)


def test_a_name_is_resolved_to_what_answers_and_stays_in_the_host_header(nothing: int):
    address = find_server(f"localhost:{nothing}/a?b=c")
    assert address.authority == f"localhost:{nothing}"
    assert address.host in ("127.0.0.1", "::1")
    assert address.path == "/a?b=c"


def test_a_server_of_this_project_keeps_the_workloads_that_it_has(server: Server):
    aimed_at = aimed(plan("sleep"), [server.url], named=True)
    assert [workload.name for workload in aimed_at.workloads] == ["sleep"]
    assert {variant.origin for variant in aimed_at.workloads[0].variants} == {server.url}


def test_any_other_addresses_are_compared_with_the_first(nothing: int):
    aimed_at = aimed(plan(), [f"http://127.0.0.1:{nothing}/{path}" for path in ("x", "y", "z")], named=False)
    (workload,) = aimed_at.workloads
    assert [variant.path for variant in workload.variants] == ["/x", "/y", "/z"]
    assert [variant.against for variant in workload.variants] == [None, "a", "a"]


def test_names_are_refused_where_the_server_is_not_of_this_project(nothing: int):
    with pytest.raises(BadInputError, match="Names of workloads"):
        aimed(plan("sleep"), [f"http://127.0.0.1:{nothing}/"], named=True)


def test_a_target_is_measured_and_the_report_says_that_nothing_else_is_known(
    bench: Bench, server: Server, tmp_path: Path
):
    words = (
        "run",
        "sleep",
        "--variants",
        "sync,async",
        "--users",
        "4",
        "--blocks",
        "2",
        "--seconds",
        "0.2",
        "--warmup",
        "0.1",
    )
    done = bench(*words, "--target", server.url, "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    summary = json.loads((tmp_path / "latest" / "summary.json").read_text())
    assert [cell["server_cpu"] for cell in summary["cells"]] == [None, None]
    assert all(any("no telemetry" in warning for warning in cell["warnings"]) for cell in summary["cells"])
    assert all(cell["throughput_rps"]["value"] > 50 for cell in summary["cells"])
    assert all(cell["victims"]["async_warm"]["p50_ms"] is not None for cell in summary["cells"])
    assert "no telemetry" in (tmp_path / "latest" / "report.html").read_text()


def test_two_addresses_are_measured_and_compared(bench: Bench, server: Server, tmp_path: Path):
    words = ("run", "--users", "4", "--blocks", "3", "--seconds", "0.2", "--warmup", "0.1", "--out", str(tmp_path))
    done = bench(*words, "--target", f"{server.url}/sleep/async", "--target", f"{server.url}/root/async")
    assert done.returncode == 0, done.stderr
    summary = json.loads((tmp_path / "latest" / "summary.json").read_text())
    (comparison,) = summary["comparisons"]
    assert (comparison["contender"], comparison["baseline"]) == ("b", "a")
    assert comparison["ratio"] > 1
    assert any("another body" in warning for warning in summary["cells"][1]["warnings"])


def hold(connection: socket.socket) -> None:
    while connection.recv(65_536):
        pass


def babble(connection: socket.socket) -> None:
    while connection.recv(65_536):
        connection.sendall(b"\x00\x01 what?\r\n\r\n")


def hang_up(connection: socket.socket) -> None:
    connection.recv(65_536)
    connection.sendall(ANSWER[:-1])


def go_on(connection: socket.socket) -> None:
    connection.recv(65_536)
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"x-more: and more\r\n")


@pytest.mark.parametrize("behave", [hold, babble, hang_up, go_on])
def test_a_target_that_gives_no_answer_ends_the_run_with_one_sentence(bench: Bench, tmp_path: Path, behave: object):
    with toy_server(behave) as port:  # type: ignore[arg-type]
        done = bench("run", "--target", f"http://127.0.0.1:{port}/x", "--out", str(tmp_path), timeout=60)
    assert done.returncode == 2, done.stdout
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert "gives no HTTP answer" in done.stderr


def test_a_target_that_dies_on_the_way_leaves_counted_causes(bench: Bench, tmp_path: Path):
    answers = 2_000

    def die(connection: socket.socket) -> None:
        nonlocal answers
        with suppress(OSError):
            while answers > 0 and connection.recv(65_536):
                answers -= 1
                connection.sendall(ANSWER)

    words = ("run", "--users", "4", "--blocks", "1", "--seconds", "0.5", "--warmup", "0.1", "--out", str(tmp_path))
    with toy_server(die) as port:
        done = bench(*words, "--target", f"http://127.0.0.1:{port}/x", timeout=60)
    assert done.returncode == 0, done.stderr
    (cell,) = json.loads((tmp_path / "latest" / "summary.json").read_text())["cells"]
    assert not cell["valid"]
    assert cell["errors"] > 0
