"""A run of the former schema is read, reported, compared and gated like one of this."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from harness.exceptions import BadInputError
from harness.record.run import SCHEMA, read_run
from tests.rehearsal import plan, rehearse, result


def as_schema_1(directory: Path) -> Path:
    """Rewrite the files of a run as version 0.1 wrote them."""
    manifest = json.loads((directory / "run.json").read_text())
    manifest["schema"] = 1
    manifest["plan"] |= manifest.pop("found")
    manifest["database"] = "PostgreSQL 18, embedded"
    manifest["target"] = None
    manifest["machine"]["missing_signals"] = "none"
    del manifest["workloads_dir"], manifest["server"]["program"]
    (directory / "run.json").write_text(json.dumps(manifest))
    for path in (directory / "trials").glob("*.json"):
        trial = json.loads(path.read_text())
        trial["pace_ms"] = trial.pop("core_speed_ms")
        victims = trial["result"].pop("victims")
        trial["result"] |= {
            "bystander": victims["async_warm"]["latency"],
            "sync_bystander": victims["sync_warm"]["latency"],
            "bystander_failures": {"timeout": 1},
            "probes": [[5, 800]],
            "sync_probes": [],
        }
        path.write_text(json.dumps(trial))
    return directory


@pytest.fixture
def former(tmp_path: Path) -> Path:
    return as_schema_1(rehearse(tmp_path, plan("root"), lambda trial: result(1_000.0 + trial.number)))


def test_a_run_of_schema_1_reads_as_what_it_was(former: Path):
    run = read_run(former)
    assert run.manifest.schema == SCHEMA
    assert run.manifest.database is not None
    assert (run.manifest.database.version, run.manifest.database.embedded) == ("18", True)
    assert run.manifest.target == ()
    assert run.manifest.server == {"program": "uvicorn", "workers": 1}
    assert run.manifest.machine.missing_signals == ()
    first = run.trials[0].result
    assert first.victims["async_warm"].latency.n == 20
    assert first.victims["async_warm"].failures == {"timeout": 1}
    assert first.victims["async_warm"].probes == ((5, 800),)
    assert set(first.victims) == {"async_warm", "sync_warm"}


def test_report_compare_and_gate_take_a_run_of_schema_1(typed: Callable[..., Result], tmp_path: Path, former: Path):
    now = rehearse(tmp_path / "now", plan("root"), lambda trial: result(1_000.0 + trial.number))
    for words in (
        ("report", str(former)),
        ("compare", str(former), str(now)),
        ("gate", str(former), "--require", "root async>=sync"),
        ("gate", str(now), "--baseline", str(former)),
    ):
        done = typed(*words)
        assert done.exit_code == 0, (words, done.stdout, done.stderr)


def test_a_run_of_a_later_schema_is_refused_by_its_number(former: Path):
    manifest: dict[str, Any] = json.loads((former / "run.json").read_text())
    (former / "run.json").write_text(json.dumps(manifest | {"schema": 99}))
    with pytest.raises(BadInputError, match="a later version of this program"):
        read_run(former)
