"""The probe: what a server tells while its loop is blocked, on both event loops."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop

from bench_probe.telemetry import COLUMNS, telling
from harness.record.telemetry import Tail

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(params=LOOPS)
def loop_factory(request: pytest.FixtureRequest) -> Callable[[], asyncio.AbstractEventLoop]:
    return LOOPS[request.param]


def told(path: Path, factory: Callable[[], asyncio.AbstractEventLoop], *, block_s: float) -> dict[str, list[Any]]:
    """The readings of a loop that is blocked once for so long, within half a second."""

    async def live() -> None:
        with telling(path.with_name(f"{path.name}.1.jsonl"), "measure"):
            await asyncio.sleep(0.15)
            time.sleep(block_s)
            await asyncio.sleep(0.15)

    with asyncio.Runner(loop_factory=factory) as runner:
        opened_ns = time.monotonic_ns()
        runner.run(live())
    telemetry = Tail(path).take(opened_ns, 1.0)
    assert telemetry is not None
    return telemetry.processes[0].columns


@pytest.mark.usefixtures("quiet")
def test_a_stall_of_the_loop_is_told_with_its_length(
    tmp_path: Path, loop_factory: Callable[[], asyncio.AbstractEventLoop]
):
    columns = told(tmp_path / "telemetry", loop_factory, block_s=0.2)
    worst_us = max(late for lates in columns["stalls_us"] for late in lates)
    # The beat was due within 10 ms of the stall's beginning.
    assert 180_000 < worst_us < 230_000


def test_a_blocked_loop_cannot_silence_the_readings(
    tmp_path: Path, loop_factory: Callable[[], asyncio.AbstractEventLoop]
):
    columns = told(tmp_path / "telemetry", loop_factory, block_s=0.4)
    meanwhile = [overdue for overdue in columns["overdue_us"] if overdue > 50_000]
    assert len(meanwhile) >= 3
    assert meanwhile == sorted(meanwhile)


def test_a_reading_holds_what_its_header_says(tmp_path: Path, loop_factory: Callable[[], asyncio.AbstractEventLoop]):
    columns = told(tmp_path / "telemetry", loop_factory, block_s=0.0)
    header, first = (tmp_path / "telemetry.1.jsonl").read_text().splitlines()[:2]
    assert tuple(json.loads(header)["columns"]) == COLUMNS
    assert len(json.loads(first)) == len(COLUMNS)
    assert set(columns["tokens"]) == {40}
    assert columns["loop_cpu_ns"] == sorted(columns["loop_cpu_ns"])


def test_a_file_that_cannot_be_written_stops_nothing(tmp_path: Path):
    async def live() -> str:
        with telling(tmp_path / "missing" / "telemetry.1.jsonl", "measure"):
            await asyncio.sleep(0.06)
            return "served"

    assert asyncio.run(live()) == "served"


def test_a_full_disk_ends_the_telemetry_and_not_the_server():
    async def live() -> str:
        with telling(Path("/dev/full"), "measure"):
            await asyncio.sleep(0.12)
            return "served"

    assert asyncio.run(live()) == "served"
