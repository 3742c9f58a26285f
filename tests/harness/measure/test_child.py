import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from harness.exceptions import ChildDiedError
from harness.measure.child import PROJECT, Child
from harness.measure.ports import free_port


def wait_until_gone(pid: int, limit_s: float = 5.0) -> bool:
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.02)
    return False


def test_leaving_the_block_stops_the_child(tmp_path: Path):
    with Child("sleeper", ["sleep", "60"], cores=[0], log=tmp_path / "log") as child:
        assert child.is_alive
    assert wait_until_gone(child.pid)


def test_a_child_that_ignores_the_polite_signal_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("harness.measure.child.GRACE_S", 0.2)
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
    )
    with Child("stubborn", [sys.executable, "-c", stubborn], cores=[0], log=tmp_path / "log", piped=True) as child:
        child.output.readline()
    assert wait_until_gone(child.pid)


def test_a_child_runs_on_its_cores(tmp_path: Path):
    core = min(os.sched_getaffinity(0))
    with Child("sleeper", ["sleep", "60"], cores=[core], log=tmp_path / "log") as child:
        deadline = time.monotonic() + 5
        while psutil.Process(child.pid).name() != "sleep" and time.monotonic() < deadline:
            time.sleep(0.01)
        assert psutil.Process(child.pid).cpu_affinity() == [core]


def test_a_dead_child_is_reported_with_the_end_of_its_log(tmp_path: Path):
    with Child("server", ["sh", "-c", "echo out of memory >&2; exit 7"], cores=[0], log=tmp_path / "log") as child:
        wait_until_gone(child.pid)
        with pytest.raises(ChildDiedError, match=r'The server ended with exit code 7; .* "out of memory"'):
            child.check()


def test_a_child_dies_with_a_parent_that_is_killed(tmp_path: Path):
    parent = (
        "from pathlib import Path; from harness.measure.child import Child; import time\n"
        f"child = Child('sleeper', ['sleep', '60'], cores=[0], log=Path({str(tmp_path / 'log')!r}))\n"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", parent], cwd=PROJECT, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        pid = int(running.stdout.readline())
        assert psutil.pid_exists(pid)
        running.send_signal(signal.SIGKILL)
    assert wait_until_gone(pid)


def test_a_taken_port_is_not_free():
    port = free_port()
    import socket

    with socket.create_server(("127.0.0.1", port)), pytest.raises(OSError, match="in use"):
        free_port(port)
