"""Calibration and validation hold for the machine and the packages that they were made with."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from harness.machine.machine import Machine
from harness.record import calibration as of_client
from harness.record import validation as of_instrument
from harness.record.calibration import CALIBRATIONS, Calibration, Percentiles, read_calibration
from harness.record.validation import VALIDATIONS, Validation, read_validation

HERE = Machine("a processor", 2, "CPython 3.11.7", packages={"locust": "2", "gevent": "1", "fastapi": "1"})
WHEN = datetime(2026, 11, 23, tzinfo=UTC)
CLIENT = Calibration(90_000.0, 6.0, False, Percentiles(0.1, 0.2), Percentiles(0.1, 0.2), 64, 5, WHEN, HERE)
INSTRUMENT = Validation((), 0.012, 0.03, WHEN, HERE)


def test_a_calibration_is_read_where_client_and_machine_are_the_same(tmp_path: Path):
    (tmp_path / of_client.FILE).write_bytes(CALIBRATIONS.dump_json(CLIENT))
    assert read_calibration(tmp_path, HERE) == CLIENT
    assert read_calibration(tmp_path, replace(HERE, packages={**HERE.packages, "fastapi": "2"})) == CLIENT
    assert read_calibration(tmp_path, replace(HERE, packages={**HERE.packages, "gevent": "2"})) is None
    assert read_calibration(tmp_path, replace(HERE, cpu="another")) is None


def test_a_validation_is_read_where_the_machine_is_the_same(tmp_path: Path):
    (tmp_path / of_instrument.FILE).write_bytes(VALIDATIONS.dump_json(INSTRUMENT))
    assert read_validation(tmp_path, HERE) == INSTRUMENT
    assert read_validation(tmp_path, replace(HERE, python="CPython 3.12")) is None


def test_a_missing_or_damaged_file_is_no_calibration(tmp_path: Path):
    assert read_calibration(tmp_path, HERE) is None
    (tmp_path / of_client.FILE).write_text("{")
    (tmp_path / of_instrument.FILE).write_text("[]")
    assert read_calibration(tmp_path, HERE) is None
    assert read_validation(tmp_path, HERE) is None


def test_more_blocks_show_smaller_differences():
    few, many = INSTRUMENT.detectable(6), INSTRUMENT.detectable(20)
    assert few is not None
    assert many is not None
    assert many[0] < few[0] < few[1]
    assert INSTRUMENT.detectable(1) is None
