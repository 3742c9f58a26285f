"""A copy of the project in which a test may add a file, and the commands that run in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parent.parent
PARTS = ("bench.py", "pyproject.toml", "bench_app", "bench_probe", "scenarios", "harness", "tests")


def copy_tree(into: Path) -> Path:
    """Return a directory with everything that the project's tests import."""
    tree = into / "tree"
    tree.mkdir()
    for part in PARTS:
        if (PROJECT / part).is_dir():
            shutil.copytree(PROJECT / part, tree / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(PROJECT / part, tree / part)
    return tree


def run_python(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the interpreter of these tests in the copy, and return what it printed."""
    # The copy's tests must not wait for the turn of those that wait for this one, and their files must go away with it.
    temporary = tree.parent / "tmp"
    temporary.mkdir(exist_ok=True)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "PYTHONPATH"))}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=tree,
        env=inherited | {"TMPDIR": str(temporary), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
