"""The probe of one process: what it leaves alone, and what it writes in each of its modes."""

import asyncio
import json
import os
import threading
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest

from bench_probe.probe import Probe
from bench_probe.telemetry import Mode


async def application(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
    await asyncio.sleep(0)


def written(folder: Path, mode: Mode) -> list[Any]:
    """What a probe in this mode writes while an application answers one request: its lines, the header first."""
    file = folder / f"telemetry.{os.getpid()}.jsonl"

    async def live() -> None:
        probe = Probe(str(folder / "telemetry"), mode)
        wrapped = probe.wrap(application)
        with probe.watching(lambda: (10, 3)):
            await wrapped({"type": "http", "path": "/a/b/c", "headers": []}, None, None)  # type: ignore[arg-type]  # unused
            # Two readings, and after them the totals of a server that is diagnosed.
            for _ in range(500):
                if file.read_text().count("\n") >= 4:
                    break
                await asyncio.sleep(0.01)

    asyncio.run(live())
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.mark.parametrize("mode", ["measure", "diagnose"])
def test_the_file_says_the_mode_and_holds_what_the_pools_tell(tmp_path: Path, mode: Mode):
    header, first, *_ = written(tmp_path, mode)
    assert (header["pid"], header["mode"]) == (os.getpid(), mode)
    told = dict(zip(header["columns"], first, strict=True))
    assert (told["pool_size"], told["pool_in_use"]) == (10, 3)


def test_a_server_that_is_measured_is_not_wrapped_and_tells_no_accounts(tmp_path: Path):
    assert Probe("unused", "measure").wrap(application) is application
    _, *lines = written(tmp_path, "measure")
    assert all(isinstance(line, list) for line in lines)


def test_a_server_that_is_diagnosed_charges_each_request_to_its_route(tmp_path: Path):
    totals = [line for line in written(tmp_path, "diagnose")[1:] if isinstance(line, dict)]
    assert totals[-1]["accounts"]["/a/b"]["requests"] == 1
    assert totals[-1]["stacks"]["samples"] > 0
    assert totals[-1]["not_watched"] == {}


@pytest.mark.parametrize("mode", ["measure", "diagnose"])
def test_no_thread_of_the_probe_outlives_its_watching(tmp_path: Path, mode: Mode):
    before = threading.active_count()
    written(tmp_path, mode)
    assert threading.active_count() == before
