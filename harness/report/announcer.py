"""The messages of a search on the console while it starts its processes."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

from harness.record.run import Verification


class Announcer:
    """Console messages, each once: what is being started, and which variants are not equivalent."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._said: set[str] = set()

    def stage(self, sentence: str) -> None:
        self._say(f"[dim]{escape(sentence)} …[/]")

    def verified(self, verifications: tuple[Verification, ...]) -> None:
        for verification in verifications:
            for problem in verification.problems:
                self._say(f"[bold magenta]not equivalent to its pair[/] {verification.variant}: {escape(problem)}")

    def _say(self, line: str) -> None:
        if line not in self._said:
            self._said.add(line)
            self._console.print(line)
