"""What a search says on the console while it starts things."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

from harness.record.run import Verification


class Announcer:
    """Says what is being started, each thing once, and which twins are none."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._said: set[str] = set()

    def stage(self, sentence: str) -> None:
        self._say(f"[dim]{escape(sentence)} …[/]")

    def verified(self, verifications: tuple[Verification, ...]) -> None:
        for verification in verifications:
            for problem in verification.problems:
                self._say(f"[bold magenta]not a fair twin[/] {verification.variant}: {escape(problem)}")

    def _say(self, line: str) -> None:
        if line not in self._said:
            self._said.add(line)
            self._console.print(line)
