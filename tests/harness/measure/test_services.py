"""What the server and its neighbours are told follows from the plan."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from harness.exceptions import BadInputError
from harness.machine.placement import place, usable_cores
from harness.measure.server import serve
from harness.measure.services import open_services
from harness.measure.verify import verify
from tests.rehearsal import plan


def test_the_wait_that_the_plan_declares_is_what_handlers_and_upstream_wait_and_twins_stay_twins(tmp_path: Path):
    made = plan("external", "sleep", variants=["sync", "async"])
    waiting = replace(made, workloads=tuple(replace(workload, wait_s=0.035) for workload in made.workloads))
    placement = place(usable_cores())
    with open_services(waiting, None, placement, tmp_path) as services:
        with serve(services, cores=placement.server, logs=tmp_path, recorded=True) as server:
            assert all(not verification.problems for verification in verify(waiting, services, server))
            assert requests.get(f"{server.url}/sleep/async").json() == {"slept_s": 0.035}
            started = time.perf_counter()
            requests.get(f"{server.url}/external/sync")
            assert time.perf_counter() - started >= 0.035


def test_adjustable_waits_that_differ_are_refused_because_one_server_has_one(tmp_path: Path):
    made = plan("external", "sleep")
    external, sleep = made.workloads
    with (
        pytest.raises(BadInputError, match=r"external \(20 ms\) and sleep \(50 ms\) declare adjustable waits"),
        open_services(
            replace(made, workloads=(external, replace(sleep, wait_s=0.05))), None, place(usable_cores()), tmp_path
        ),
    ):
        pass
