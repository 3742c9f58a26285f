"""Which line holds the event loop: a thread looks at the loop's stack, a hundred times a second and more.

It names the innermost line of the application's own code, because that is the one to change, and with it the innermost
line of all, which says what it was doing there.
"""

from __future__ import annotations

import contextlib
import linecache
import sys
import sysconfig
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final

import fastapi.routing

from bench_app.ledger import Ledger

LOOK_S: Final = 0.005
OWN: Final = str(Path(__file__).parent)
OF_THE_BENCH: Final = frozenset(
    str(Path(OWN, f"{name}.py")) for name in ("probe", "ledger", "watchdog", "switchboard", "app", "witness")
)
OF_OTHERS: Final = tuple(
    {
        str(spelled)
        for name in ("stdlib", "platstdlib", "purelib", "platlib")
        for spelled in (Path(sysconfig.get_paths()[name]), Path(sysconfig.get_paths()[name]).resolve())
    }
)
FASTAPI_ROUTING: Final = fastapi.routing.__file__
SERIALISERS: Final = frozenset({"serialize_response", "jsonable_encoder", "render", "_prepare_response_content"})


@dataclass(frozen=True, slots=True)
class Place:
    """A line that held the loop: `file:line` in `function`, its source, and the innermost call below it.

    `serialising` says that the handler had returned and its answer was being turned into JSON.
    """

    route: str
    file: str
    line: int
    function: str
    source: str
    leaf: str
    serialising: bool


class Watchdog:
    """Counts, for each place, how often it was seen holding the loop; `looks` counts all looks."""

    def __init__(self, ledger: Ledger, loop_thread: int) -> None:
        self._ledger = ledger
        self._loop_thread = loop_thread
        self._seen: Counter[Place] = Counter()
        self.looks = 0
        self.held = 0

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Look for as long as the block lasts."""
        over = threading.Event()

        def look() -> None:
            while not over.wait(LOOK_S):
                self._look()

        watcher = threading.Thread(target=look, name="watchdog", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()

    def totals(self) -> dict[str, Any]:
        """What was seen so far, the most frequent first."""
        places = [
            {
                "route": place.route,
                "file": place.file,
                "line": place.line,
                "function": place.function,
                "source": place.source,
                "leaf": place.leaf,
                "serialising": place.serialising,
                "looks": count,
            }
            for place, count in self._seen.copy().most_common()
        ]
        return {"looks": self.looks, "held": self.held, "places": places}

    def _look(self) -> None:
        self.looks += 1
        account = self._ledger.holder
        frame = sys._current_frames().get(self._loop_thread)
        if account is None or frame is None:
            return
        self.held += 1
        found = place_of(frame, self._ledger.name_of(account))
        if found is not None:
            self._seen[found] += 1


def place_of(frame: FrameType, route: str) -> Place | None:
    """The innermost line of the application's own code on this stack; None where there is none.

    A serialiser's line where FastAPI called it: then the handler is done, and what lies further out is middleware.
    """
    leaf, current, serialiser = frame, frame, None
    while current is not None:
        file = current.f_code.co_filename
        if _is_of_the_application(file):
            return _place(current, leaf, route, serialising=False)
        if serialiser is None and current.f_code.co_name in SERIALISERS:
            serialiser = current
        if serialiser is not None and file == FASTAPI_ROUTING:
            return _place(serialiser, leaf, route, serialising=True)
        current = current.f_back  # type: ignore[assignment]  # the loop ends at None
    return None


def _is_of_the_application(file: str) -> bool:
    return not file.startswith(("<", *OF_OTHERS)) and file not in OF_THE_BENCH


def _place(frame: FrameType, leaf: FrameType, route: str, *, serialising: bool) -> Place:
    # A frame that was caught between two lines has none.
    file, line = frame.f_code.co_filename, frame.f_lineno or frame.f_code.co_firstlineno
    root = str(Path(OWN).parent)
    return Place(
        route=route,
        file=str(Path(file).relative_to(root)) if file.startswith(root) and not serialising else Path(file).name,
        line=line,
        function=frame.f_code.co_name,
        source=linecache.getline(file, line).partition("  #")[0].strip(),
        leaf=f"{Path(leaf.f_code.co_filename).name}:{leaf.f_code.co_name}",
        serialising=serialising,
    )
