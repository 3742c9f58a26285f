"""Which sketches are made of which part of a run, under which file names, and what stands below them."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.judge.findings import Findings
from harness.plan.knobs import make_knobs
from harness.report.chart_rule import (
    Part,
    Place,
    discover,
    sketch_over_time,
    sketch_overview,
    sketch_workload,
    slug,
)
from tests.harness.judged import findings_of
from tests.rehearsal import plan, telemetry


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    return findings_of(tmp_path_factory.mktemp("reports"))


def part(findings: Findings) -> Part:
    return Part(findings, "", findings.cells, findings.comparisons)


@pytest.mark.parametrize("place", Place)
def test_no_two_charts_of_a_place_have_the_same_order(place: Place):
    orders = [rule.order for rule in discover() if rule.place is place]
    assert orders
    assert len(set(orders)) == len(orders)


@pytest.mark.parametrize(
    ("text", "ending"),
    [
        ("", ""),
        ("80 threads", "-80-threads"),
        ("2 workers, asyncio loop", "-2-workers-asyncio-loop"),
        ("../é A", "-a"),
    ],
)
def test_a_text_ends_a_file_name_by_its_words_alone(text: str, ending: str):
    assert slug(text) == ending


def test_no_two_pictures_of_a_run_have_the_same_file(tmp_path: Path):
    made = plan("sleep", "root", users=[8, 64], settings=make_knobs({"workers": [1, 2]}))
    found = findings_of(tmp_path, made, told=lambda _: telemetry())
    sketches = [*sketch_overview(found)]
    for workload in made.workloads:
        sketches += [*sketch_workload(found, workload), *sketch_over_time(found, workload)]
    names = [sketch.name for sketch in sketches]
    assert len(set(names)) == len(names)
    assert {"latency-root-8-users", "latency-root-64-users-2-workers", "time-sleep-64-users"} <= set(names)


def test_the_text_below_a_chart_of_one_level_is_about_that_level(tmp_path: Path):
    made = plan("root", users=[8, 64])
    found = findings_of(tmp_path, made, told=lambda _: telemetry())
    cards = {sketch.name: sketch.card for sketch in sketch_over_time(found, made.workloads[0])}
    assert cards.keys() == {"time-root-8-users", "time-root-64-users"}
    for card in cards.values():
        assert card.count("async/sync") == 1
        assert " at " not in card


def test_the_files_of_a_single_level_have_the_name_of_the_workload_alone(findings: Findings):
    (workload,) = findings.run.manifest.plan.workloads
    assert "latency-sleep" in {sketch.name for sketch in sketch_workload(findings, workload)}


def test_a_workload_of_which_nothing_was_measured_has_no_sketch(tmp_path: Path):
    made = plan("sleep", "root", users=[8, 64])
    found = findings_of(tmp_path, made, trials=1, told=lambda _: telemetry())
    measured = found.run.trials[0].trial
    for workload in made.workloads:
        stems = {sketch.name.partition("-")[2] for sketch in sketch_workload(found, workload)}
        expected = (
            {f"{measured.workload}-{measured.level.users}-users"} if workload.name == measured.workload else set()
        )
        assert {stem for stem in stems if "users" in stem} == expected
        assert bool(sketch_over_time(found, workload)) == (workload.name == measured.workload)


def test_a_run_without_telemetry_shows_nothing_over_time(findings: Findings):
    assert sketch_over_time(findings, findings.run.manifest.plan.workloads[0]) == []


def test_the_text_below_a_chart_says_verdict_blocks_machine_and_date(findings: Findings):
    said = part(findings).card(findings.comparisons[:1])
    assert said.startswith("async/sync WIN 1.50× (1.")
    assert "n = 5).  5 blocks, 95 % intervals." in said
    assert "INCOMPLETE" not in said
    assert said.endswith("2026-11-23, profile quick.")


def test_the_text_below_a_chart_without_a_comparison_begins_with_the_blocks(findings: Findings):
    assert part(findings).card([]).startswith("5 blocks, 95 % intervals.")


def test_the_text_below_a_chart_names_what_differs_between_its_comparisons(tmp_path: Path):
    made = plan("sleep", "root", users=[8, 64])
    said = part(found := findings_of(tmp_path, made)).card(found.comparisons)
    assert "sleep async/sync at 8 " in said
    assert "root async/sync at 64 " in said


def test_the_text_below_a_chart_of_a_run_that_did_not_end_says_so(findings: Findings):
    cut_off = replace(findings, run=replace(findings.run, trials=findings.run.trials[:9]))
    assert "INCOMPLETE RUN." in part(cut_off).card(findings.comparisons)
