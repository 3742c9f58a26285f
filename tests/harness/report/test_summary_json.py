"""The findings for other programs: names that they rely on, and null where nothing was measured."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bench_app.settings import EXECUTOR_THREADS
from harness.judge.inquiry import Inquiry
from harness.plan.knobs import make_knobs
from harness.report.summary_json import to_summary
from scenarios.wire.victim import Victim
from tests.harness.judged import findings_of
from tests.rehearsal import distribution, plan, result


def test_the_summary_keeps_its_contract(tmp_path: Path):
    summary = json.loads(json.dumps(to_summary(findings_of(tmp_path)), allow_nan=False))
    assert summary["schema"] == 2
    assert summary.keys() >= {"machine", "plan", "cells", "comparisons"}
    first = summary["cells"][0]
    assert first.keys() >= {
        *("workload", "variant", "kind", "level", "trials", "requests", "errors", "throughput_rps", "latency_ms"),
        *("victims", "bound_rps", "valid", "warnings"),
    }
    assert first["level"] == {"model": "closed", "users": 64}
    assert first["throughput_rps"].keys() == {"value", "low", "high"}
    assert first["latency_ms"].keys() == {"p50", "p95", "p99"}
    assert first["victims"].keys() == {"async_warm", "async_cold", "sync_warm", "sync_cold"}
    assert first["victims"]["async_warm"].keys() == {"probes", "failures", "p50_ms", "p99_ms", "lower_bound"}
    comparison = summary["comparisons"][0]
    assert comparison.keys() >= {
        *("workload", "baseline", "contender", "level", "metric", "ratio", "low", "high", "verdict", "blocks")
    }
    assert (comparison["metric"], comparison["verdict"]) == ("throughput_rps", "WIN")


def test_what_was_not_measured_is_null_and_never_zero(tmp_path: Path):
    dead = result(0.0, failures={"refused": 3}, victims={})
    summary = to_summary(findings_of(tmp_path, spoilt={"async": dead}))
    silent = next(entry for entry in summary["cells"] if entry["variant"] == "async")
    assert silent["throughput_rps"] == {"value": None, "low": None, "high": None}
    assert set(silent["latency_ms"].values()) == {None}
    assert {silent["victims"]["async_warm"][name] for name in ("p50_ms", "p99_ms")} == {None}
    assert to_summary(findings_of(tmp_path / "other", plan("root")))["cells"][0]["bound_rps"] is None


def test_a_run_without_a_database_has_none_in_its_summary(tmp_path: Path):
    findings = findings_of(tmp_path, plan("root"))
    assert to_summary(findings)["machine"]["database"] == {"version": "18", "embedded": True}
    without = replace(findings.run.manifest, database=None)
    summary = to_summary(replace(findings, run=replace(findings.run, manifest=without)))
    assert summary["machine"]["database"] is None


def test_a_percentile_that_rests_on_single_requests_is_null(tmp_path: Path):
    findings = findings_of(tmp_path)  # 50 requests a trial of `blocking`, 250 in all
    latencies = {entry["variant"]: entry["latency_ms"] for entry in to_summary(findings)["cells"]}
    assert latencies["blocking"]["p99"] is None
    assert latencies["blocking"]["p95"] is not None
    assert latencies["sync"]["p99"] is not None


def test_a_level_says_its_loop_its_pauses_and_what_is_not_usual_about_its_server(tmp_path: Path):
    def levels(**options: object) -> list[dict[str, object]]:
        made = plan("root", variants=["async"], **options)
        parent = tmp_path / "-".join(options)
        return [entry["level"] for entry in to_summary(findings_of(parent, made))["cells"]]

    assert levels(rate=[40.0]) == [{"model": "open", "rate_rps": 40.0, "connections": 64, "arrivals": "constant"}]
    assert levels(think_ms=180) == [{"model": "closed", "users": 64, "think_s": 0.18}]
    usual, two = levels(settings=make_knobs({"workers": [1, 2]}))
    assert "knobs" not in usual
    expected = {"threads": 40, "pool_size": 10, "executor": EXECUTOR_THREADS, "workers": 2}
    assert two["knobs"] == expected | {"loop": "uvloop", "http": "httptools"}


def test_only_an_open_loop_has_a_time_before_the_sending(tmp_path: Path):
    def names(**options: object) -> set[str]:
        made = plan("root", variants=["async"], **options)
        first = to_summary(findings_of(tmp_path / "-".join(options), made))["cells"][0]
        return {"service_ms", "send_lag_ms"} & set(first)

    assert names(rate=[40.0]) == {"service_ms", "send_lag_ms"}
    assert names(users=[8]) == set()


def test_a_victims_percentiles_that_are_lower_bounds_are_listed(tmp_path: Path):
    felt = Victim(distribution([1_000] * 90 + [90_000] * 10), censored=distribution([90_000]), failures={"reset": 2})
    summary = to_summary(findings_of(tmp_path, spoilt={"async": result(1_500.0, victims={"sync_cold": felt})}))
    shown = next(entry for entry in summary["cells"] if entry["variant"] == "async")["victims"]["sync_cold"]
    assert (shown["probes"], shown["failures"], shown["lower_bound"]) == (500, 10, ["p99"])
    assert shown["p50_ms"] == pytest.approx(1.0, rel=0.01)


def test_a_cell_that_was_not_diagnosed_says_why_and_has_no_causes(tmp_path: Path):
    findings = findings_of(tmp_path)
    unknown = to_summary(findings)["cells"][0]
    assert (unknown["diagnosis"], unknown["bounds"]) == ({"unknown": "no telemetry"}, [])
    faultless = replace(findings.cells[0].inquiry.diagnosis, unknown=None, unloaded_s=0.02)
    calm = replace(findings, cells=(replace(findings.cells[0], inquiry=Inquiry(faultless)),))
    assert to_summary(calm)["cells"][0]["diagnosis"] == {
        "unloaded_ms": 20.0,
        "queueing_ms": 0.0,
        "unexplained": 0.0,
        "causes": [],
        "profile": None,
    }
