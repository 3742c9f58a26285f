"""The command line, as a record keeps it and as a sentence of advice repeats it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path


def program() -> str:
    """Return how the user called this program: `bench` where it is installed, else `python bench.py`."""
    name = Path(sys.argv[0]).name if sys.argv else ""
    return "bench" if name in ("bench", "bench.exe") else "python bench.py"


def repeatable(words: Sequence[str]) -> str:
    """Return the command line without its connection string, which may contain a password and is saved nowhere."""
    kept: list[str] = []
    for position, word in enumerate(words):
        if position and words[position - 1] == "--dsn":
            word = "DSN"
        elif word.startswith("--dsn="):
            word = "--dsn=DSN"
        kept.append(word)
    return f"{program()} {shlex.join(kept)}".strip()
