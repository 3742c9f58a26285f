from dataclasses import replace
from pathlib import Path

import pytest

from harness.machine.facts import facts
from harness.machine.placement import Placement
from harness.record.validation import FILE, VALIDATIONS, Outcome, Validation, read_validation
from tests.rehearsal import STARTED

HERE = facts(Placement((0,), (1,), (1,), shared=False))
OUTCOMES = (Outcome("same", "no WIN", "no WIN", True), Outcome("slower", "LOSS", "TIE", False))
MADE = Validation(OUTCOMES, 0.01, 0.03, STARTED, HERE)


def test_a_saved_check_is_read_back_while_the_machine_stays_the_same(tmp_path: Path):
    (tmp_path / FILE).write_bytes(VALIDATIONS.dump_json(MADE))
    assert read_validation(tmp_path, HERE) == MADE
    assert read_validation(tmp_path, replace(HERE, cpu="another processor")) is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"waiting": 1}'])
def test_a_damaged_check_counts_as_none(tmp_path: Path, content: str):
    assert read_validation(tmp_path, HERE) is None
    (tmp_path / FILE).write_text(content)
    assert read_validation(tmp_path, HERE) is None


def test_more_blocks_show_smaller_differences_and_one_block_shows_none():
    few, many = MADE.detectable(6), MADE.detectable(20)
    assert few is not None
    assert many is not None
    assert all(less < more for less, more in zip(many, few, strict=True))
    assert few[0] < few[1]
    assert MADE.detectable(1) is None


def test_only_the_controls_that_came_out_as_known_are_counted():
    assert MADE.passed == 1
