"""Which line holds the event loop: a thread samples the loop's stack, a hundred times a second and more.

It names the innermost line of the application's own code, because that is the one to change, and with it the innermost
call of all, which says what that line was doing.
"""

from __future__ import annotations

import contextlib
import linecache
import sys
import sysconfig
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final

from bench_probe.accounts import RequestAccounts

PERIOD_S: Final = 0.005
PROBE: Final = str(Path(__file__).parent)
INSTALLED: Final = tuple(
    {
        str(spelled)
        for name in ("stdlib", "platstdlib", "purelib", "platlib")
        for spelled in (Path(sysconfig.get_paths()[name]), Path(sysconfig.get_paths()[name]).resolve())
    }
)
"""Where the code of others is. An application that is installed there, too, must say where its own lines are."""
FASTAPI_ROUTING: Final = str(Path("fastapi", "routing.py"))
SERIALISERS: Final = frozenset({"serialize_response", "jsonable_encoder", "render", "_prepare_response_content"})


@dataclass(frozen=True, slots=True)
class Site:
    """A line of the application that held the loop: `file:line` in `function`, its source, and the call below it.

    `call` is the innermost function of all, as `file:function`. `serialising` says that the handler had returned and
    its answer was being turned into JSON.
    """

    route: str
    file: str
    line: int
    function: str
    source: str
    call: str
    serialising: bool


class Application:
    """Which files are the application's own: those below `roots`, or, where none is given, all that nobody installed.

    `excluded` files are not, wherever they are. File names are shown relative to `root`.
    """

    def __init__(self, roots: Sequence[Path] = (), *, excluded: Sequence[Path] = (), root: Path | None = None) -> None:
        self._roots = tuple(f"{each.resolve()}/" for each in roots)
        self._excluded = frozenset(str(each) for each in excluded)
        self._root = root or Path.cwd()

    def owns(self, file: str) -> bool:
        """Return whether this file is the application's own."""
        if file.startswith(("<", PROBE)) or file in self._excluded:
            return False
        return file.startswith(self._roots) if self._roots else not file.startswith(INSTALLED)

    def spelled(self, file: str) -> str:
        """Return the file's name as it is shown."""
        path = Path(file)
        return str(path.relative_to(self._root)) if path.is_relative_to(self._root) else path.name


class LoopStacks:
    """Samples the loop's thread from a thread of its own. `samples` were taken, a task held the loop in `busy`."""

    def __init__(self, accounts: RequestAccounts, loop_thread: int, application: Application | None = None) -> None:
        self._accounts = accounts
        self._loop_thread = loop_thread
        self._application = application or Application()
        self._seen: Counter[Site] = Counter()
        self.samples = 0
        self.busy = 0

    @contextlib.contextmanager
    def sampling(self) -> Iterator[None]:
        """Take samples for as long as the block lasts."""
        over = threading.Event()

        def sample() -> None:
            while not over.wait(PERIOD_S):
                self._sample()

        sampler = threading.Thread(target=sample, name="bench-probe-stacks", daemon=True)
        sampler.start()
        try:
            yield
        finally:
            over.set()
            sampler.join()

    def totals(self) -> dict[str, Any]:
        """Return what was seen so far, the most frequent site first."""
        sites = [asdict(site) | {"samples": count} for site, count in self._seen.copy().most_common()]
        return {"samples": self.samples, "busy": self.busy, "sites": sites}

    def _sample(self) -> None:
        self.samples += 1
        account = self._accounts.holder
        frame = sys._current_frames().get(self._loop_thread)
        if account is None or frame is None:
            return
        self.busy += 1
        found = site_of(frame, self._accounts.name_of(account), self._application)
        if found is not None:
            self._seen[found] += 1


def site_of(frame: FrameType, route: str, application: Application) -> Site | None:
    """Return the innermost line of the application's own code on this stack; None where there is none.

    Where FastAPI serialises, it is the serialiser's line: then the handler is done, and what lies further out is
    middleware.
    """
    call, current, serialiser = frame, frame, None
    while current is not None:
        file = current.f_code.co_filename
        if application.owns(file):
            return _site(current, call, route, application.spelled(file), serialising=False)
        if serialiser is None and current.f_code.co_name in SERIALISERS:
            serialiser = current
        if serialiser is not None and file.endswith(FASTAPI_ROUTING):
            name = Path(serialiser.f_code.co_filename).name
            return _site(serialiser, call, route, name, serialising=True)
        current = current.f_back  # type: ignore[assignment]  # the loop ends at None
    return None


def _site(frame: FrameType, call: FrameType, route: str, shown: str, *, serialising: bool) -> Site:
    # A frame that was caught between two lines has none.
    file, line = frame.f_code.co_filename, frame.f_lineno or frame.f_code.co_firstlineno
    return Site(
        route=route,
        file=shown,
        line=line,
        function=frame.f_code.co_name,
        source=linecache.getline(file, line).partition("  #")[0].strip(),
        call=f"{Path(call.f_code.co_filename).name}:{call.f_code.co_name}",
        serialising=serialising,
    )
