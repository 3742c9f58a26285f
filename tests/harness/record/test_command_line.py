"""The recorded command line can be typed again, and holds no secret."""

import sys

import pytest

from harness.record.command_line import program, repeatable


@pytest.mark.parametrize(
    ("called", "name"),
    [("/usr/local/bin/bench", "bench"), ("bench.py", "python bench.py"), ("/x/bench.py", "python bench.py")],
)
def test_the_program_is_named_as_it_was_called(monkeypatch: pytest.MonkeyPatch, called: str, name: str):
    monkeypatch.setattr(sys, "argv", [called])
    assert program() == name
    assert repeatable(["run", "root", "--require", "a b"]) == f"{name} run root --require 'a b'"


@pytest.mark.parametrize(
    "words", [["run", "--dsn", "postgresql://u:secret@h/x"], ["run", "--dsn=postgresql://u:secret@h/x"]]
)
def test_a_connection_string_is_not_recorded(words: list[str]):
    said = repeatable(words)
    assert "secret" not in said
    assert "DSN" in said
