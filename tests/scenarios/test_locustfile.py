"""The locustfile as Locust's own command line runs it."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

from harness.measure.server import Server
from tests.conftest import PROJECT


def locust(*words: str, cwd: Path = PROJECT, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "locust", "-f", str(PROJECT / "scenarios" / "locustfile.py"), *words],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | environment,
    )


def test_a_headless_run_fills_locusts_own_statistics(server: Server, tmp_path: Path):
    done = locust(
        *("--headless", "--host", server.url, "-u", "6", "-r", "6", "-t", "3s", "--csv", str(tmp_path / "out")),
        *("--exit-code-on-error", "1", "--json", "sleep_async", "item_sync"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    entries = {entry["name"]: entry for entry in json.loads(done.stdout)}
    assert entries.keys() == {"/sleep/async", "/item/sync"}
    sleeping = entries["/sleep/async"]
    assert sleeping["num_failures"] == 0
    assert 60 < sleeping["num_requests"] < 3 * 3.5 * 50
    with (tmp_path / "out_stats.csv").open() as file:
        row = next(row for row in csv.DictReader(file) if row["Name"] == "/sleep/async")
    assert 18 <= float(row["Median Response Time"]) <= 40
    assert float(row["Average Response Time"]) >= 19


def test_failures_reach_locusts_statistics_and_its_exit_code(server: Server, tmp_path: Path):
    # A server that lost its database: every answer is a 500, and Locust must say so.
    broken = tmp_path / "broken.py"
    broken.write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(PROJECT)!r})\n"
        "from scenarios.locustfile import *\n"
        "from scenarios.locustfile import TARGETS\n"
        "from scenarios.wire.protocol import RequestSpec\n"
        "TARGETS['root_async'].requests = (RequestSpec('/nowhere'),)\n"
    )
    done = subprocess.run(
        [
            *(sys.executable, "-m", "locust", "-f", str(broken), "--headless", "--host", server.url),
            *("-u", "2", "-r", "2", "-t", "2s", "--json", "root_async"),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    (entry,) = json.loads(done.stdout)
    assert entry["num_failures"] == entry["num_requests"] > 0
    assert "status 404" in done.stderr
    assert done.returncode == 1


def test_without_a_server_it_says_how_to_get_one(tmp_path: Path):
    done = locust("--headless", "-t", "1s", "--host", "http://127.0.0.1:9", cwd=tmp_path)
    assert done.returncode != 0
    assert "python bench.py ui" in done.stderr
    assert "Traceback" not in done.stderr
