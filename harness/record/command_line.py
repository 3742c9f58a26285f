"""The command line as it is recorded: it can be typed again, and holds no secret."""

from __future__ import annotations

import shlex
from collections.abc import Sequence


def repeatable(words: Sequence[str]) -> str:
    """The command line that was typed, without the connection string: it holds a password and is saved nowhere."""
    kept: list[str] = []
    for position, word in enumerate(words):
        if position and words[position - 1] == "--dsn":
            word = "DSN"
        elif word.startswith("--dsn="):
            word = "--dsn=DSN"
        kept.append(word)
    return shlex.join(["python", "bench.py", *kept])
