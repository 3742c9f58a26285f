"""What a server program must tell the harness: how it is started, when it answers, and which thread is the loop's.

To add a program is to add a file beside `uvicorn.py` that binds a class of this form.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from harness.plan.knobs import Knobs


class ServerProgram(Protocol):
    """A program that serves an ASGI application."""

    @property
    def name(self) -> str:
        """The program's name."""

    @property
    def shown(self) -> Mapping[str, Any]:
        """How it is started apart from the knobs, in words, by their names on the page."""

    def command(self, factory: str, host: str, port: int, knobs: Knobs) -> list[str]:
        """Return the command line that serves `factory`, a `module:function` that makes the application."""

    def is_ready(self, url: str, timeout_s: float) -> bool:
        """Return whether the server at `url` answers within this time."""

    def loop_thread(self, pid: int) -> int:
        """Return the number of the thread, as Linux counts them, that runs the event loop of the process `pid`."""
