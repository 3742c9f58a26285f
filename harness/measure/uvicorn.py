"""uvicorn as a server program: one process, or a parent that supervises several."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Final

from bench_app.paths import BYSTANDER_PATH
from harness.measure.child import fetch
from harness.plan.knobs import Knobs

# uvicorn closes an idle connection after 5 s; a run must never meet that.
KEEP_ALIVE_S: Final = 3_600
# No client waits for what the server still works on when it is stopped.
GRACE_S: Final = 1


class Uvicorn:
    """Starts uvicorn without an access log, with the loop, the parser and the workers that the knobs name."""

    name: Final = "uvicorn"
    shown: Final[Mapping[str, Any]] = {"access log": "off", "keep-alive": f"{KEEP_ALIVE_S} s"}

    def command(self, factory: str, host: str, port: int, knobs: Knobs) -> list[str]:
        """Return uvicorn's command line."""
        return [
            *(sys.executable, "-m", "uvicorn", "--factory", factory),
            *("--host", host, "--port", str(port), "--workers", str(knobs.workers)),
            *("--loop", knobs.loop, "--http", knobs.http),
            *("--no-access-log", "--log-level", "warning", "--timeout-keep-alive", str(KEEP_ALIVE_S)),
            *("--timeout-graceful-shutdown", str(GRACE_S)),
        ]

    def is_ready(self, url: str, timeout_s: float) -> bool:
        """Return whether the trivial endpoint of the service answers."""
        try:
            fetch(url + BYSTANDER_PATH, timeout_s=timeout_s)
        except OSError:
            return False
        return True

    def loop_thread(self, pid: int) -> int:
        """Return the first thread of the process, in which uvicorn runs its loop."""
        return pid


UVICORN: Final = Uvicorn()
