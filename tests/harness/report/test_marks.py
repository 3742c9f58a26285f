"""The marks that charts share: no two variants look the same, and every axis has a tick."""

from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench_app.workload import KINDS
from harness.judge.guards import CellWarning
from harness.report.marks import DASHES, log_ms, looks_of, looks_of_cells, name_rows, struck
from tests.harness.judged import findings_of
from tests.rehearsal import plan


def axes_from(low: float, high: float, axis: str = "x") -> Axes:
    axes = Figure().add_subplot()
    (axes.set_xlim if axis == "x" else axes.set_ylim)(low, high)
    return axes


def test_no_two_kinds_have_the_same_colour_or_marker():
    looks = looks_of([*KINDS, None])
    assert len({look.colour for look in looks}) == len({look.marker for look in looks}) == len(looks)
    assert not any(look.hollow for look in looks)


def test_a_further_variant_of_a_kind_is_hollow_and_has_another_dash():
    first, other, second, *_, fifth = looks_of(["async", "sync", "async", "async", "async", "async"])
    assert (first.hollow, other.hollow, second.hollow) == (False, False, True)
    assert first.colour == second.colour != other.colour
    assert first.dash != second.dash
    # There are only so many dashes; the next variant begins with the first again.
    assert (fifth.dash, fifth.hollow) == (DASHES[0], True)


def test_an_invalid_variant_keeps_its_row_and_is_marked(tmp_path: Path):
    first, second = findings_of(tmp_path, plan("sleep", variants=["sync", "async"])).cells
    broken = replace(second, warnings=(CellWarning("it lies", invalidates=True),))
    axes = Figure().add_subplot()
    name_rows(axes, [first, broken])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["sync", "async (INVALID)"]
    bottom, top = axes.get_ylim()
    assert bottom > top
    assert struck(second) == "async"
    assert len(looks_of_cells([first, broken])) == 2


@pytest.mark.parametrize("axis", ["x", "y"])
def test_a_logarithmic_axis_has_plain_numbers_within_its_limits(axis: str):
    axes = axes_from(8, 1_300, axis)
    log_ms(axes, axis)
    target = axes.xaxis if axis == "x" else axes.yaxis
    labels = [label.get_text() for label in target.get_ticklabels()]
    assert labels == ["10", "20", "50", "100", "200", "500", "1,000"]


def test_a_long_axis_names_the_powers_of_ten_alone():
    axes = axes_from(0.005, 20_000)
    log_ms(axes, "x")
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == ["0.01", "0.1", "1", "10", "100", "1,000", "10,000"]


@pytest.mark.parametrize("axis", ["x", "y"])
@pytest.mark.parametrize("middle", [0.03, 0.7, 33.0, 4_400.0])
def test_an_axis_that_is_nearly_flat_still_has_a_tick(middle: float, axis: str):
    axes = axes_from(middle * 0.99, middle * 1.01, axis)
    log_ms(axes, axis)
    low, high = axes.get_xlim() if axis == "x" else axes.get_ylim()
    assert low < middle < high
    ticks = axes.get_xticks() if axis == "x" else axes.get_yticks()
    assert any(low <= tick <= high for tick in ticks)
