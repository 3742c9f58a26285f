"""Several load processes on one trial: real ones, against a server that counts what reaches it."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from harness.machine.placement import place, usable_cores
from harness.measure.child import PROJECT, Child, fetch
from harness.measure.load import Load, open_worker_group
from harness.measure.ports import free_port
from scenarios.wire.protocol import ClosedLoop, OpenLoop, RequestSpec, TrialOrder

LOADS = [ClosedLoop(9), ClosedLoop(2), OpenLoop(8, 500), OpenLoop(8, 500, "poisson", seed=7), ClosedLoop(4, 0.01)]


@pytest.fixture(scope="module")
def counting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a server that counts what it answers."""
    command, log = [sys.executable, "-m", "bench_app.null_server"], tmp_path_factory.mktemp("nothing") / "log"
    with Child("nothing", command, cores=place(usable_cores()).server, log=log, piped=True) as child:
        yield int(child.output.readline())


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Load]:
    with open_worker_group(
        cores=place(usable_cores()).load, logs=tmp_path_factory.mktemp("group"), processes=2
    ) as running:
        yield running


def counted(port: int) -> int:
    return int(fetch(f"http://127.0.0.1:{port}/_count", 5))


def order(port: int, load: ClosedLoop | OpenLoop, window_s: float = 0.5) -> TrialOrder:
    return TrialOrder("group", "127.0.0.1", port, (RequestSpec("/"),), load, 0.2, window_s, 2.0, 5.0)


@pytest.mark.parametrize("load", LOADS, ids=str)
def test_merged_counts_are_the_servers_own(group: Load, counting: int, load: ClosedLoop | OpenLoop):
    before = counted(counting)
    result = group.run(order(counting, load), lambda: None)
    assert result.answered == result.sent == counted(counting) - before
    assert result.connected == load.users
    assert (result.load_processes, result.lost, result.failures) == (2, 0, {})
    assert sum(each.completed for each in result.slices) == result.completed
    if isinstance(load, OpenLoop):
        # Together they keep the one schedule that was ordered: no arrival twice and none left out.
        assert result.latency.n == pytest.approx(250, rel=0.2 if load.arrivals == "poisson" else 0.01)


def test_a_load_process_lost_in_a_trial_is_told_and_replaced(group: Load, counting: int):
    workers = [
        process
        for process in psutil.Process().children(recursive=True)
        if "scenarios.runner.worker" in process.cmdline()
    ]
    assert len(workers) == 2

    def kill_one() -> None:
        if workers[0].is_running():
            workers[0].send_signal(signal.SIGKILL)

    result = group.run(order(counting, ClosedLoop(8), window_s=1.0), kill_one)
    assert (result.load_processes, result.lost) == (1, 1)
    for _ in range(10):
        before = counted(counting)
        result = group.run(order(counting, ClosedLoop(8)), lambda: None)
        assert result.lost == 0
        assert result.connected == 8
        assert result.answered == counted(counting) - before
        if result.load_processes == 2:
            break
    assert result.load_processes == 2


@contextmanager
def master() -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process that waits for one worker, and the port at which it does."""
    command = [sys.executable, "-m", "scenarios.runner.load", "--workers", "1"]
    with subprocess.Popen(
        command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process, json.loads(process.stdout.readline())["port"]
        finally:
            process.terminate()


def test_a_worker_of_another_version_is_sent_away_with_a_sentence(tmp_path: Path):
    shutil.copytree(PROJECT / "scenarios", tmp_path / "scenarios")
    with (tmp_path / "scenarios" / "engine" / "recorder.py").open("a") as source:
        source.write("# counts differently\n")
    with master() as (process, port):
        done = subprocess.run(
            [sys.executable, "-m", "scenarios.runner.worker", "--host", "127.0.0.1", "--port", str(port)],
            cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert process.stdout is not None
        joined = [json.loads(process.stdout.readline()) for _ in range(2)][-1]
    assert done.returncode == 1
    assert done.stderr.startswith("Refused: the run has locust")
    assert "Traceback" not in done.stderr
    assert joined["present"] == []
    assert len(joined["refused"]) == 1


def test_a_worker_goes_home_when_the_run_is_over():
    with master() as (process, port):
        command = [sys.executable, "bench.py", "worker", "--master", f"127.0.0.1:{port}"]
        with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as worker:
            assert worker.stdout is not None
            assert worker.stdout.readline() == f"Waiting for the run at 127.0.0.1:{port} …\n"
            assert worker.stdout.readline() == f"Working for the run at 127.0.0.1:{port}.\n"
            process.terminate()
            assert worker.stdout.read() == "The run is over.\n"
            assert worker.wait(10) == 0


def test_a_worker_too_many_is_sent_away(group: Load, counting: int):
    leader = next(
        each for each in psutil.Process().children(recursive=True) if "scenarios.runner.load" in each.cmdline()
    )
    port = next(each.laddr.port for each in leader.net_connections() if each.status == "LISTEN")
    done = subprocess.run(
        [sys.executable, "-m", "scenarios.runner.worker", "--host", "127.0.0.1", "--port", str(port)],
        cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "Refused: the run already has its 2 workers.\n"
    assert group.run(order(counting, ClosedLoop(4)), lambda: None).load_processes == 2


def test_a_worker_that_waits_can_be_stopped():
    command = [sys.executable, "bench.py", "worker", "--master", f"127.0.0.1:{free_port()}"]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        assert worker.stderr is not None
        assert worker.stdout.readline().startswith("Waiting for the run")
        worker.send_signal(signal.SIGINT)
        assert worker.wait(10) == 130
        assert worker.stderr.read() == "Stopped.\n"


HOSTS = shutil.which("ip") is not None and os.geteuid() == 0


@pytest.fixture
def other_host() -> Iterator[tuple[str, list[str]]]:
    """This machine's address on a network of two, and the words that run a command on the other host."""
    if not HOSTS:
        pytest.skip("network namespaces need root and iproute2")
    name, here, there = f"bench{os.getpid()}", f"bv{os.getpid() % 10_000}a", f"bv{os.getpid() % 10_000}b"
    inside = ["ip", "netns", "exec", name]
    steps = [
        ["ip", "netns", "add", name],
        ["ip", "link", "add", here, "type", "veth", "peer", "name", there],
        ["ip", "link", "set", there, "netns", name],
        ["ip", "addr", "add", "10.213.0.1/24", "dev", here],
        ["ip", "link", "set", here, "up"],
        [*inside, "ip", "addr", "add", "10.213.0.2/24", "dev", there],
        [*inside, "ip", "link", "set", there, "up"],
    ]
    try:
        for step in steps:
            if subprocess.run(step, capture_output=True, check=False).returncode:
                pytest.skip("this machine permits no network namespaces")
        yield "10.213.0.1", inside
    finally:
        subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
        subprocess.run(["ip", "link", "del", here], capture_output=True, check=False)


def test_workers_on_another_host_load_a_run(other_host: tuple[str, list[str]], tmp_path: Path):
    address, inside = other_host
    bind = f"{address}:{free_port()}"
    run = [
        *(
            sys.executable,
            "bench.py",
            "run",
            "--no-diagnose",
            "root",
            "--variants",
            "async",
            "--users",
            "6",
            "--blocks",
            "2",
        ),
        *(
            "--seconds",
            "0.3",
            "--warmup",
            "0.1",
            "--master-bind",
            bind,
            "--expect-workers",
            "2",
            "--out",
            str(tmp_path),
        ),
    ]
    worker = [*inside, sys.executable, "bench.py", "worker", "--master", bind]
    pipes = {"cwd": PROJECT, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    workers = [subprocess.Popen(worker, **pipes) for _ in range(2)]  # type: ignore[call-overload]
    done = subprocess.run(run, cwd=PROJECT, capture_output=True, text=True, timeout=90, check=False)
    said = [process.communicate(timeout=20) for process in workers]
    assert done.returncode == 0, done.stderr
    assert [process.returncode for process in workers] == [0, 0], said
    trials = [json.loads(path.read_text())["result"] for path in (tmp_path / "latest" / "trials").iterdir()]
    assert [(trial["load_processes"], trial["lost"], trial["connected"]) for trial in trials] == [(2, 0, 6)] * 2
    assert all(trial["failures"] == {} and trial["completed"] > 0 for trial in trials)
    assert len(json.loads((tmp_path / "latest" / "run.json").read_text())["workers"]) == 2
