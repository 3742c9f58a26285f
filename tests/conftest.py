"""Real parts, started once for the suite: PostgreSQL, the upstream service, uvicorn, and a browser where one is."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import bench as bench_cli
from bench_app.discovery import discover
from bench_app.settings import Settings
from harness.machine.placement import place, usable_cores
from harness.measure.server import Server, serve
from harness.measure.services import Services, open_services
from harness.plan.planning import make_plan

PROJECT = Path(__file__).parent.parent
LOCKS = Path(tempfile.gettempdir()) / f"bench-tests-{os.getuid()}"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(autouse=True)
def room(request: pytest.FixtureRequest) -> Iterator[None]:
    """Tests share the machine with those of other workers, but for a test that asks for `quiet`: it has it alone."""
    wanted = fcntl.LOCK_EX if "quiet" in request.fixturenames else fcntl.LOCK_SH
    LOCKS.mkdir(exist_ok=True)
    with (LOCKS / "turnstile").open("w") as turnstile, (LOCKS / "room").open("w") as held:
        # Whoever wants the room alone keeps the turnstile while others leave; or they would never all be gone.
        fcntl.flock(turnstile, wanted)
        fcntl.flock(held, wanted)
        fcntl.flock(turnstile, fcntl.LOCK_UN)
        yield


@pytest.fixture
def quiet() -> None:
    """Nothing else is tested meanwhile, because this test looks at how long things take."""


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    placement = place(usable_cores())
    with open_services(make_plan(discover()), None, placement, tmp_path_factory.mktemp("logs")) as opened:
        yield opened


@pytest.fixture(scope="session")
def settings(services: Services) -> Settings:
    assert services.database is not None
    assert services.upstream is not None
    return Settings(dsn=services.database.dsn, upstream=services.upstream.url)


@pytest.fixture(scope="session")
def server(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(services, cores=place(usable_cores()).server, logs=tmp_path_factory.mktemp("server")) as running:
        yield running


Bench = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def bench() -> Bench:
    """`python bench.py …`, as a user types it."""

    def call(
        *words: str, cwd: Path = PROJECT, timeout: float = 120, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "bench.py", *words],
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env=os.environ | {"COLUMNS": "100"} | environment,
        )

    return call


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Result]]:
    """A command line in this process, which spares the second that importing everything takes each time."""
    handlers = {number: signal.getsignal(number) for number in bench_cli.STOP_SIGNALS}
    cores = os.sched_getaffinity(0)

    def call(*words: str) -> Result:
        monkeypatch.setattr(sys, "argv", ["bench.py", *words])
        return CliRunner().invoke(bench_cli.app, words)

    yield call
    os.sched_setaffinity(0, cores)
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def measured(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of one short real run: two workloads, all their variants. One for all workers of the suite."""
    base = tmp_path_factory.getbasetemp()
    out = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "measured"
    out.mkdir(exist_ok=True)
    with (out / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (out / "latest").exists():
            _measure(bench, out)
    return (out / "latest").resolve()


def _measure(bench: Bench, out: Path) -> None:
    done = bench(
        "run",
        "--no-diagnose",
        "item",
        "sleep",
        "--users",
        "8",
        "--blocks",
        "3",
        "--seconds",
        "0.3",
        "--warmup",
        "0.1",
        "--out",
        str(out),
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def browser() -> str:
    for name in BROWSERS:
        if found := shutil.which(name):
            return found
    pytest.skip("no Chromium is installed, and the page can only be looked at with one")
