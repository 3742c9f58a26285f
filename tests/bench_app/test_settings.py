"""The settings of a server process, read from its environment."""

import os
from pathlib import Path

import pytest

from bench_app.settings import Settings


@pytest.fixture(autouse=True)
def _only_what_a_test_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [name for name in os.environ if name.startswith("BENCH_")]:
        monkeypatch.delenv(variable)


def test_an_empty_environment_gives_the_defaults():
    assert Settings.from_environment() == Settings()


def test_each_setting_is_read_from_its_variable(monkeypatch: pytest.MonkeyPatch):
    given = {
        "BENCH_DSN": "postgresql://here",
        "BENCH_UPSTREAM": "http://there",
        "BENCH_POOL_SIZE": "3",
        "BENCH_OUTBOUND_SIZE": "7",
        "BENCH_WAIT_S": "0.5",
        "BENCH_THREADS": "80",
        "BENCH_WORKERS": "2",
        "BENCH_TELEMETRY": "/tmp/telemetry",
        "BENCH_PROBE": "diagnose",
        "BENCH_PACKAGE": "faults",
        "BENCH_WORKLOADS": "mine",
    }
    for variable, value in given.items():
        monkeypatch.setenv(variable, value)
    assert Settings.from_environment() == Settings(
        dsn="postgresql://here",
        upstream="http://there",
        pool_size=3,
        outbound_size=7,
        wait_s=0.5,
        threads=80,
        workers=2,
        telemetry="/tmp/telemetry",
        probe="diagnose",
        package="faults",
        workloads_dir=Path("mine"),
    )


@pytest.mark.parametrize("variable", ["BENCH_DSN", "BENCH_UPSTREAM", "BENCH_TELEMETRY", "BENCH_WORKLOADS"])
def test_an_empty_variable_is_none_at_all(monkeypatch: pytest.MonkeyPatch, variable: str):
    monkeypatch.setenv(variable, "")
    assert Settings.from_environment() == Settings()


@pytest.mark.parametrize("variable", ["BENCH_PROBE", "BENCH_PACKAGE"])
def test_a_word_that_is_not_known_keeps_the_default(monkeypatch: pytest.MonkeyPatch, variable: str):
    monkeypatch.setenv(variable, "nonsense")
    assert Settings.from_environment() == Settings()


@pytest.mark.parametrize("variable", ["BENCH_POOL_SIZE", "BENCH_WAIT_S", "BENCH_THREADS", "BENCH_WORKERS"])
def test_what_must_be_a_number_and_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, variable: str):
    monkeypatch.setenv(variable, "many")
    with pytest.raises(ValueError, match="many"):
        Settings.from_environment()
