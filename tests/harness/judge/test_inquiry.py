"""From a recorded run to the cause on its page, and what becomes of it where telemetry is missing."""

import json
from pathlib import Path

import pytest

from harness.judge.findings import Findings, JudgedCell, find
from harness.judge.verdict import Verdict
from harness.plan.plan import Plan, Trial
from harness.record.run import read_run
from harness.record.run_directory import DIAGNOSIS
from harness.record.telemetry import Site, Telemetry
from harness.report.page import write_report
from scenarios.wire.protocol import TrialResult
from tests.rehearsal import accounts, plan, rehearse, result, telemetry

MS = 1_000_000
RATES = {"sync": 1_900.0, "async": 3_000.0, "blocking": 50.0, "offload": 1_900.0}
LINE = Site(
    "/sleep/blocking",
    "bench_app/workloads/sleep.py",
    65,
    "sleep_blocking",
    "time.sleep(wait_s)",
    "sleep.py:sleep_blocking",
    serialising=False,
    samples=95,
)


def results(trial: Trial) -> TrialResult:
    return result(RATES[trial.variant] if trial.level.users > 1 else 48.0, trial.level.users)


def told(trial: Trial) -> Telemetry | None:
    """A server as `sleep` has it: 40 threads that are all taken, and a loop that one variant blocks."""
    if trial.variant not in ("sync", "async", "blocking"):
        return None
    route, n = f"/sleep/{trial.variant}", 100
    alone = trial.level.users == 1
    if trial.variant == "sync":
        queued = 0 if alone else 13 * MS * n
        kept = accounts(
            route, requests=n, stamped=n, inside=20 * MS * n + queued, hops=n, queued=queued, served=20 * MS * n
        )
        return telemetry(accounts=kept, borrowed=1 if alone else 40, waiting=0 if alone else 24)
    if trial.variant == "blocking":
        busy = {"steps": n, "stepping": 9 * n * MS, "computing": n * MS // 10, "long_steps": n}
        pre = 0 if alone else 1_200 * MS * n
        kept = accounts(route, sites=(LINE,), requests=n, stamped=n, pre=pre, inside=20 * MS * n, **busy)
        return telemetry(accounts=kept, overdue_us=0 if alone else 300_000)
    return telemetry(accounts=accounts(route, requests=n, stamped=n, inside=20 * MS * n))


def diagnosed() -> Plan:
    return plan("sleep", diagnose=True)


def cell(findings: Findings, variant: str) -> JudgedCell:
    return next(judged for judged in findings.cells if judged.cell.variant.name == variant)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rehearse(tmp_path_factory.mktemp("reports"), diagnosed(), results, told=told)


def test_each_cell_has_its_cause_and_a_faultless_one_has_none(directory: Path):
    findings = find(read_run(directory))
    named = {judged.cell.variant.name: judged.inquiry.diagnosis.first for judged in findings.cells}
    assert named["sync"] is not None
    assert named["sync"].name == "thread limit"
    assert named["blocking"] is not None
    assert named["blocking"].name == "loop blocked"
    assert named["async"] is None


def test_the_page_names_the_line_and_draws_what_happened_when(directory: Path):
    write_report(directory)
    page = (directory / "report.html").read_text()
    assert "blocks the event loop at bench_app/workloads/sleep.py:65, in sleep_blocking" in page
    assert "By the bounds, thread tokens 40 → 80 would" in page
    assert "sleep over time, each variant's median trial (64 users, closed loop)" in page
    assert (directory / "charts" / "time-sleep.png").is_file()


def test_the_summary_tells_programs_the_same(directory: Path):
    write_report(directory)
    summary = json.loads((directory / "summary.json").read_text())
    cells = {each["variant"]: each for each in summary["cells"]}
    (cause,) = cells["blocking"]["diagnosis"]["causes"]
    assert (cause["cause"], cause["line"]) == ("loop blocked", "bench_app/workloads/sleep.py:65")
    assert cells["offload"]["diagnosis"] == {"unknown": "no telemetry"}
    assert {bound["resource"] for bound in cells["sync"]["bounds"]} == {"threads", "users", "processor"}


def test_diagnosed_figures_are_in_no_measured_one(directory: Path):
    findings = find(read_run(directory))
    planned = findings.run.manifest.plan
    assert len(findings.run.diagnosed) == len(findings.run.manifest.schedule.diagnostics) == 8
    assert len(cell(findings, "sync").cell.trials) == planned.blocks


@pytest.mark.parametrize("damage", ["missing", "cut off", "another version"])
def test_without_telemetry_the_verdicts_stand_and_the_cause_is_unknown(tmp_path: Path, damage: str):
    directory = rehearse(tmp_path, diagnosed(), results, told=told)
    for file in (directory / DIAGNOSIS).glob("*.json"):
        if damage == "missing":
            file.unlink()
        else:
            file.write_text(file.read_text()[:200] if damage == "cut off" else "{}")
    findings = find(read_run(directory))
    assert {judged.verdict for judged in findings.comparisons} <= {Verdict.WIN, Verdict.LOSS, Verdict.TIE}
    assert {judged.inquiry.diagnosis.unknown for judged in findings.cells} == {"no telemetry"}
    write_report(directory)
    assert "no telemetry" in (directory / "report.html").read_text()


def test_a_diagnosis_in_which_the_client_was_the_limit_names_no_cause(tmp_path: Path):
    def spent(trial: Trial) -> TrialResult:
        return result(RATES[trial.variant], trial.level.users, cpu_s={"server": 0.5, "load": 0.95})

    findings = find(read_run(rehearse(tmp_path, diagnosed(), spent, told=told)))
    assert "load generator" in (cell(findings, "sync").inquiry.diagnosis.unknown or "")
