"""The templates as files: each short enough to read, and each used."""

from pathlib import Path

import pytest

from harness.report.rendering import TEMPLATES

WIDEST = 160
FILES = sorted(path for path in TEMPLATES.rglob("*") if path.is_file())


@pytest.mark.parametrize("file", FILES, ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_no_line_of_a_template_is_longer_than_a_screen_is_wide(file: Path):
    lines = file.read_text(encoding="utf-8").splitlines()
    assert [number for number, line in enumerate(lines, start=1) if len(line) > WIDEST] == []


def test_every_section_is_on_the_page():
    page = (TEMPLATES / "page.html.j2").read_text(encoding="utf-8")
    sections = [path.relative_to(TEMPLATES).as_posix() for path in (TEMPLATES / "sections").iterdir()]
    assert [name for name in sections if f'"{name}"' not in page] == []


@pytest.mark.parametrize("page", ["page", "capacity", "crossover"])
def test_every_page_extends_the_same_base(page: str):
    assert (TEMPLATES / f"{page}.html.j2").read_text(encoding="utf-8").startswith('{% extends "base.html.j2" %}')
