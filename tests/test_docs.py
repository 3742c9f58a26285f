"""README.md and docs/: every command exists, every link leads somewhere, the results are those of the example, and what
they tell one to write works."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import bench
import docs.make as docs_make
from tests.rehearsal import plan, rehearse, result
from tests.tree import PROJECT, copy_tree, run_python

DOCS = PROJECT / "docs"
PAGES = [PROJECT / "README.md", *sorted(DOCS.glob("*.md"))]
FENCED = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"(?:^|(?<=\n\n))(?: {4,}.*\n?)+", re.MULTILINE)
INLINE = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
CALL = re.compile(r"(?:^|[\s/])(?:bench\.py|bench) +(.*)")
GROUP: Any = typer.main.get_command(bench.app)
SHORT = ("--users", "4", "--blocks", "2", "--seconds", "0.2", "--warmup", "0.1", "--no-diagnose")


def _name(page: Path) -> str:
    return str(page.relative_to(PROJECT))


def code_of(page: Path) -> Iterator[str]:
    """Yield every line of a page's code blocks, and every piece of inline code."""
    text = page.read_text(encoding="utf-8")
    for _, _, block in FENCED.findall(text):
        yield from block.splitlines()
    prose = FENCED.sub("", text)
    for block in INDENTED.findall(prose):
        yield from block.splitlines()
    for code in INLINE.findall(prose):
        yield " ".join(code.split())


def calls_of(page: Path) -> list[list[str]]:
    """Return the words that follow `bench.py` or `bench` in each line of code."""
    found = []
    for line in code_of(page):
        if called := CALL.search(re.split(r"\s#\s|\s&&\s", line)[0]):
            found.append(shlex.split(called[1]))
    return found


def problem_of(words: list[str]) -> str | None:
    """Return what is wrong with a command line: its command, one of its options, or how many arguments it has."""
    name, *rest = words
    if name in ("COMMAND", "--help", "--version"):
        return None
    if name not in GROUP.commands:
        return f"there is no command {name!r}"
    command = GROUP.commands[name]
    # Options that are named alone (`run --resume RUN`, `report`) are no whole command line; each word is looked at.
    options = {spelled: each for each in command.params for spelled in (*each.opts, *each.secondary_opts)}
    arguments, waiting = 0, False
    for word in rest:
        if waiting:
            waiting = False
        elif word.startswith("--"):
            option, _, value = word.partition("=")
            if option not in {*options, "--help"}:
                return f"{name} has no option {option}"
            waiting = not value and option in options and not options[option].is_flag
        else:
            arguments += 1
    most = [each for each in command.params if each.param_type_name == "argument"]
    if waiting:
        return f"{name}: the last option lacks its value"
    if arguments > len(most) and not any(each.nargs == -1 for each in most):
        return f"{name} takes {len(most)} arguments, not {arguments}"
    return None


def block_of(page: str) -> str:
    """Return the one Python block of a page."""
    (block,) = [
        text for _, language, text in FENCED.findall((DOCS / page).read_text(encoding="utf-8")) if language == "python"
    ]
    return str(block)


def anchors_of(page: Path) -> set[str]:
    """Return the anchors that GitHub makes of a page's headings."""
    headings = HEADING.findall(FENCED.sub("", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_command_line_names_a_command_and_options_that_exist(page: Path):
    problems = {" ".join(words): problem for words in calls_of(page) if (problem := problem_of(words))}
    assert problems == {}


def test_every_command_has_an_example():
    shown = {words[0] for words in calls_of(DOCS / "commands.md")}
    assert set(GROUP.commands) <= shown


def test_every_option_of_run_is_described():
    """The options of the knobs are generated; they stand in the text, too."""
    text = (DOCS / "commands.md").read_text(encoding="utf-8").split("\n## run\n")[1].split("\n## ")[0]
    described = set(re.findall(r"--[a-z][a-z-]*", text))
    options = {each.name: {*each.opts, *each.secondary_opts} for each in GROUP.commands["run"].params}
    missing = [name for name, spelled in options.items() if name != "workloads" and not spelled & described]
    assert missing == []


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("run root --usrs 8", "run has no option --usrs"),
        ("rn", "there is no command 'rn'"),
        ("report a b", "report takes 1 arguments, not 2"),
        ("run --threads", "run: the last option lacks its value"),
        ("run root sleep --threads 20,40 --same-server", None),
    ],
)
def test_a_command_line_that_cannot_be_typed_is_seen(line: str, problem: str | None):
    assert problem_of(line.split()) == problem


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_link_leads_somewhere(page: Path):
    missing = []
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = page.parent / file if file else page
        if not target.exists() or (anchor and anchor not in anchors_of(target)):
            missing.append(link)
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_file_that_is_named_exists(page: Path):
    rooms = "bench_app|bench_probe|scenarios|harness|tests|docs"
    named = re.findall(rf"`((?:{rooms})/[\w/.-]+)`", page.read_text(encoding="utf-8"))
    told_to_write = {
        "bench_app/workloads/pause.py",
        "harness/causes/rules/new_connections.py",
        "harness/report/charts/server_cpu.py",
    }
    assert [name for name in named if name not in told_to_write and not (PROJECT / name).exists()] == []


def test_the_table_of_the_readme_is_made_from_the_example():
    docs, readme = docs_make, (PROJECT / "README.md").read_text(encoding="utf-8")
    summary = json.loads((DOCS / "example/summary.json").read_text(encoding="utf-8"))
    assert docs.with_results(readme, docs.results(summary)) == readme


def test_picture_and_example_stay_small():
    docs = docs_make
    assert max(docs.PICTURE.stat().st_size, docs.EXAMPLE.stat().st_size) <= docs.LARGEST_BYTES


def compared(verdict: str, *, valid: bool = True, causes: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    """Return a summary with one comparison."""
    level = {"model": "closed", "users": 8}
    cell = {"workload": "w", "level": level, "valid": True, "warnings": [], "cause": None}
    return {
        "machine": {"cpu": "C", "cores": 2, "python": "P"},
        "plan": {"levels": [level], "started": "2026-01-02T03:04:05", "command": "python bench.py run"},
        "complete": True,
        "disturbed_blocks": [],
        "cells": [
            cell | {"variant": "sync", "diagnosis": {"unknown": "no telemetry"}},
            cell
            | {"variant": "async", "valid": valid, "diagnosis": {"causes": list(causes)}}
            | {"warnings": [] if valid else ["A guard: it failed."]},
        ],
        "comparisons": [
            {"workload": "w", "baseline": "sync", "contender": "async", "level": level, "metric": "throughput_rps"}
            | {"ratio": 2.0, "low": 1.5, "high": 2.5, "verdict": verdict, "blocks": 6}
        ],
    }


def test_a_row_names_the_first_cause_and_its_line():
    first = {"cause": "loop blocked", "share": 0.93, "line": "app/x.py:7"}
    assert docs_make.results(compared("WIN", causes=(first,))).splitlines()[-1] == (
        "| w | async / sync | 2.00× | 1.50 to 2.50× | WIN | loop blocked 93% at `app/x.py:7` |"
    )


def test_an_invalid_row_is_struck_through_and_names_its_guard():
    assert docs_make.results(compared("INVALID", valid=False)).splitlines()[-1] == (
        "| w | ~~async / sync~~ | ~~2.00×~~ | ~~1.50 to 2.50×~~ | INVALID | async: A guard |"
    )


def test_comparisons_at_an_equal_rate_and_at_lower_levels_are_left_out():
    summary = compared("WIN")
    (only,) = summary["comparisons"]
    lower, equal_rate = {"model": "closed", "users": 4}, {"model": "open", "rate_rps": 700.0, "connections": 8}
    summary["comparisons"] += [only | {"level": lower}, only | {"level": equal_rate, "metric": "p99_ms"}]
    assert docs_make.headline(summary) == [only]


def test_what_the_table_does_not_show_is_left_out_of_a_large_example(monkeypatch: pytest.MonkeyPatch):
    docs, summary = docs_make, compared("WIN")
    for cell in summary["cells"]:
        cell |= {"processes": "x" * 2_000, "victims": {}}
    monkeypatch.setattr(docs, "LARGEST_BYTES", 2_500)
    saved = json.loads(docs.example(summary))
    assert docs.results(saved) == docs.results(summary)
    assert [set(cell) & {"processes", "victims"} for cell in saved["cells"]] == [{"victims"}, {"victims"}]


@pytest.mark.parametrize("inside", [True, False], ids=["in the package", "in a directory of one's own"])
def test_a_workload_is_added_as_the_page_says(tmp_path: Path, inside: bool):
    tree = copy_tree(tmp_path)
    folder = tree / "bench_app/workloads" if inside else tmp_path / "my_workloads"
    folder.mkdir(exist_ok=True)
    (folder / "pause.py").write_text(block_of("add-a-workload.md"), encoding="utf-8")
    beside = [] if inside else ["--workloads", str(folder)]
    listed = run_python(tree, "bench.py", "list", *beside)
    assert listed.returncode == 0, listed.stderr
    described = listed.stdout.partition("\npause ")[2]
    assert described
    assert [name for name in ("sync", "async", "blocking") if f" {name} " not in described] == []
    measured = run_python(tree, "bench.py", "run", "pause", *beside, *SHORT, "--out", str(tmp_path / "reports"))
    assert measured.returncode == 0, measured.stdout + measured.stderr
    summary = json.loads((tmp_path / "reports/latest/summary.json").read_text(encoding="utf-8"))
    assert summary["plan"]["workloads"] == {"pause": {"sync": "sync", "async": "async", "blocking": "blocking"}}
    assert all(cell["requests"] for cell in summary["cells"])


def test_a_cause_is_added_as_the_page_says(tmp_path: Path):
    tree = copy_tree(tmp_path)
    (tree / "harness/causes/rules/new_connections.py").write_text(block_of("add-a-cause.md"), encoding="utf-8")
    found = run_python(tree, "-c", "from harness.causes.cause import discover; print('new connections' in discover())")
    assert found.stdout == "True\n", found.stderr


def test_a_chart_is_added_as_the_page_says(tmp_path: Path):
    tree, run = copy_tree(tmp_path), rehearse(tmp_path, plan("sleep"), lambda trial: result(900.0 + trial.number))
    (tree / "harness/report/charts/server_cpu.py").write_text(block_of("add-a-knob.md"), encoding="utf-8")
    reported = run_python(tree, "bench.py", "report", str(run))
    assert reported.returncode == 0, reported.stdout + reported.stderr
    assert (run / "charts/server-cpu-sleep.png").exists()
    assert "<figcaption>sleep: CPU of the server (64 users, closed loop)" in (run / "report.html").read_text()
