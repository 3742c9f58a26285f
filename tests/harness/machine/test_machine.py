"""When figures of two machines may stand beside each other."""

from dataclasses import replace

from pydantic import TypeAdapter

from harness.machine.machine import Machine, differing

HERE = Machine("a processor", 2, "CPython 3.11.7", packages={"fastapi": "1", "locust": "2"}, load_average=(0.5,))


def test_what_changes_from_hour_to_hour_makes_no_other_machine():
    later = replace(HERE, load_average=(9.0,), revision="abc", open_files=5)
    assert HERE.matches(later)
    assert differing(HERE, later) == []


def test_another_processor_or_package_is_named_with_both_values():
    there = replace(HERE, cpu="another", packages={"fastapi": "1", "uvloop": "3"})
    assert not HERE.matches(there)
    assert differing(HERE, there) == [
        ("cpu", "a processor", "another"),
        ("locust", "2", None),
        ("uvloop", None, "3"),
    ]


def test_every_fact_is_shown_as_text():
    shown = dict(HERE.shown)
    assert shown["missing signals"] == "none"
    assert shown["cpu quota"] == "n/a"
    assert "packages" not in shown


def test_the_missing_signals_of_the_former_schema_are_read():
    adapter = TypeAdapter(Machine)
    raw = {"cpu": "a", "cores": 2, "python": "p"}
    assert adapter.validate_python(raw | {"missing_signals": "none"}).missing_signals == ()
    assert adapter.validate_python(raw | {"missing_signals": "steal, x"}).missing_signals == ("steal", "x")
