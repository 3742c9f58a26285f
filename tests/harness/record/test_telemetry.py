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
    line = {"route": "/a/b", "state": "place", "pool": "", "file": "f.py", "line": 3, "function": "f"}
    line |= {"source": "x", "call": "y", "own": True, "through": ""}
    seconds = float(requests)
    holders = [line | {"state": "await", "line": 4, "seconds": seconds / 2}]
    times = dict.fromkeys(("contended", "waiting", "holding", "inside", "used", "queued"), seconds)
    waits = {
        "looks": requests,
        "seconds": t_ns / SECOND_NS,
        "cost_s": 0.0,
        "unseen": 0,
        "sites": [line | {"seconds": seconds}],
        "places": [line | times | {"library": "", "holders": holders}],
    }
    told = {
        "accounts": accounts.totals(),
        "callees": [{"route": "/a/b", "callee": "g", "hops": requests, "served": requests, "computing": 0}],
        "pools": [
            {"route": "/a/b", "pool": "p", "size": 6, "hops": requests, "queued": 1, "served": 2, "computing": 0}
        ],
        "left_behind": {"/a/b": requests},
        "stacks": stacks,
        "waits": waits,
        "handlers": [],
        "not_watched": {},
        "gil": True,
    }
    return json.dumps({"t_ns": t_ns} | told) + "\n"


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


def test_the_wait_profile_is_that_of_the_window(tmp_path: Path):
    lines = [totals(moment * SECOND_NS, requests=10 * moment, samples=0) for moment in range(6)]
    telemetry = written(tmp_path, header(), *[reading(moment * SECOND_NS) for moment in range(6)], *lines).take(
        2 * SECOND_NS, 3.0
    )
    assert telemetry is not None
    assert telemetry.accounts is not None
    waits = telemetry.accounts.waits
    assert waits is not None
    assert (waits.seconds, waits.looks, waits.sites[0].seconds) == (3.0, 30, 30.0)
    (place,) = waits.places
    assert (place.site.line, place.contended, place.holders[0].line, place.holders[0].seconds) == (3, 30.0, 4, 15.0)
    assert (telemetry.accounts.callees[0].hops, telemetry.accounts.pools[0].hops) == (30, 30)
    assert telemetry.accounts.left_behind == {"/a/b": (20, 50)}


def test_a_server_that_gains_more_tasks_than_its_users_can_have_leaves_work_behind(tmp_path: Path):
    rows = [reading(moment * SECOND_NS, tasks=100 * moment) for moment in range(4)]
    telemetry = written(tmp_path, header(), *rows).take(0, 3.0)
    assert telemetry is not None
    assert telemetry.left_behind(3.0, users=64) == 300
    assert telemetry.left_behind(3.0, users=128) == 0


def test_several_workers_are_one_server(tmp_path: Path):
    lines = [header(), *(totals(moment * SECOND_NS, 10 * moment, 0) + reading(moment * SECOND_NS) for moment in (0, 1))]
    written(tmp_path, *lines, pid=8)
    telemetry = written(tmp_path, *lines).take(0, 1.0)
    assert telemetry is not None
    assert telemetry.accounts is not None
    assert len(telemetry.processes) == 2
    assert telemetry.accounts.routes["/a/b"]["requests"] == 20
