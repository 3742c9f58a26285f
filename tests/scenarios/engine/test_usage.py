"""What processes use, seen from outside: those of a role together, and those that ended meanwhile."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from scenarios.engine.usage import Usage

BUSY = "import time\nend = time.process_time() + {seconds}\nwhile time.process_time() < end: pass\n"
PARENT = """
import subprocess, sys, time
sys.stdin.readline()
subprocess.run([sys.executable, "-c", {child!r}], check=True)
print("ended", flush=True)
sys.stdin.readline()
"""


def test_a_child_that_came_and_went_is_counted_with_its_parent():
    """As PostgreSQL's backends do."""
    command = [sys.executable, "-c", PARENT.format(child=BUSY.format(seconds=0.3))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        usage = Usage({"database": parent.pid})
        usage.start()
        began = time.monotonic()
        parent.stdin.write("\n")
        parent.stdin.flush()
        assert parent.stdout.readline() == "ended\n"
        usage.stop(time.monotonic() - began)
        parent.stdin.write("\n")
    assert usage.cpu_s["database"] == pytest.approx(0.3, abs=0.15)
    assert usage.processes["database"].threads == 1


def test_a_process_tells_its_memory_its_threads_and_how_often_it_gave_up_the_core():
    usage = Usage({})
    usage.start()
    began = time.monotonic()
    for _ in range(20):
        time.sleep(0.002)
    usage.stop(time.monotonic() - began)
    mine = usage.processes["load"]
    assert mine.rss_mib is not None
    assert mine.rss_mib > 10
    assert mine.threads is not None
    assert mine.threads >= 1
    assert mine.switches is not None
    assert mine.switches >= 20
    assert mine.run_delay_s is not None


def test_a_process_that_is_gone_is_left_out():
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    usage = Usage({"server": gone.pid})
    usage.start()
    usage.stop(1.0)
    assert usage.processes.keys() == usage.cpu_s.keys() == {"load"}


def test_where_there_is_no_proc_cpu_time_alone_is_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr("scenarios.engine.usage.PROC", tmp_path / "missing")
    usage = Usage({})
    usage.start()
    usage.stop(1.0)
    assert usage.cpu_s["load"] >= 0
    assert usage.processes["load"].run_delay_s is None


def test_what_was_spent_around_the_window_is_scaled_to_its_length():
    """Both readings are outside of the window, so that they stall no request that is counted."""
    usage = Usage({})
    usage.start()
    began = time.monotonic()
    spent = time.process_time()
    while time.process_time() - spent < 0.4:
        pass
    elapsed_s = time.monotonic() - began
    usage.stop(0.1)
    assert usage.cpu_s["load"] == pytest.approx(0.4 * 0.1 / elapsed_s, rel=0.2)
