"""Telemetry that is missing, late, damaged or cut off leaves a run standing."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench_probe.accounts import Account, RequestAccounts
from bench_probe.telemetry import COLUMNS
from harness.record.telemetry import Tail

SECOND_NS = 1_000_000_000


def header(pid: int = 7) -> str:
    return json.dumps({"pid": pid, "mode": "diagnose", "loop": "uvloop.Loop", "columns": COLUMNS}) + "\n"


def reading(t_ns: int, **values: Any) -> str:
    row = dict.fromkeys(COLUMNS, 0) | {"t_ns": t_ns, "stalls_us": []} | values
    return json.dumps([row[name] for name in COLUMNS]) + "\n"


def totals(t_ns: int, requests: int, samples: int) -> str:
    accounts = RequestAccounts()
    account = Account(requests=requests)
    accounts.accounts["/a/b"] = account
    place = {"route": "/a/b", "file": "f.py", "line": 3, "function": "f", "source": "x", "call": "y"}
    stacks = {"samples": samples, "busy": samples, "sites": [place | {"serialising": False, "samples": samples}]}
    return json.dumps({"t_ns": t_ns, "accounts": accounts.totals(), "stacks": stacks}) + "\n"


def written(folder: Path, *lines: str, pid: int = 7) -> Tail:
    (folder / f"telemetry.{pid}.jsonl").write_text("".join(lines))
    return Tail(folder / "telemetry")


def test_no_file_is_no_telemetry(tmp_path: Path):
    assert Tail(tmp_path / "telemetry").take(0, 1.0) is None


def test_a_server_that_was_killed_in_a_line_has_told_the_lines_before(tmp_path: Path):
    telemetry = written(tmp_path, header(), reading(1), reading(2), reading(3)[:9]).take(0, 1.0)
    assert telemetry is not None
    assert telemetry.processes[0].times_ns == [1, 2]
    assert telemetry.accounts is None


@pytest.mark.parametrize("damage", ["not json\n", "[1, 2]\n", "{}\n", "\n", "null\n"])
def test_a_damaged_line_is_left_out(tmp_path: Path, damage: str):
    telemetry = written(tmp_path, header(), reading(1), damage, reading(2)).take(0, 1.0)
    assert telemetry is not None
    assert telemetry.processes[0].times_ns == [1, 2]


def test_each_look_takes_what_came_since_the_last(tmp_path: Path):
    tail = written(tmp_path, header(), reading(1))
    tail.take(0, 1.0)
    with (tmp_path / "telemetry.7.jsonl").open("a") as file:
        file.write(reading(2))
    telemetry = tail.take(0, 1.0)
    assert telemetry is not None
    assert telemetry.processes[0].times_ns == [2]
    assert tail.take(0, 1.0) is None


def test_accounts_are_those_of_the_window(tmp_path: Path):
    lines = [totals(moment * SECOND_NS, requests=10 * moment, samples=100 * moment) for moment in range(6)]
    telemetry = written(tmp_path, header(), *[reading(moment * SECOND_NS) for moment in range(6)], *lines).take(
        2 * SECOND_NS, 3.0
    )
    assert telemetry is not None
    assert telemetry.accounts is not None
    assert telemetry.accounts.seconds == 3.0
    assert telemetry.accounts.routes["/a/b"]["requests"] == 30
    assert (telemetry.accounts.samples, telemetry.accounts.sites[0].samples) == (300, 300)


def test_several_workers_are_one_server(tmp_path: Path):
    lines = [header(), *(totals(moment * SECOND_NS, 10 * moment, 0) + reading(moment * SECOND_NS) for moment in (0, 1))]
    written(tmp_path, *lines, pid=8)
    telemetry = written(tmp_path, *lines).take(0, 1.0)
    assert telemetry is not None
    assert telemetry.accounts is not None
    assert len(telemetry.processes) == 2
    assert telemetry.accounts.routes["/a/b"]["requests"] == 20
