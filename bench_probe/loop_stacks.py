"""Finds the lines that block the event loop: a thread samples the stack of the loop's thread every 5 ms.

A sample names the innermost line of the application's own code, because that is the line to change, and the innermost
call on the stack, which shows what that line was doing.
"""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final

from bench_probe.accounts import RequestAccounts
from bench_probe.application import Application, call_of, line_of, source_of
from bench_probe.thread_frames import frames_by_thread

PERIOD_S: Final = 0.005
FASTAPI_ROUTING: Final = str(Path("fastapi", "routing.py"))
SERIALISERS: Final = frozenset({"serialize_response", "jsonable_encoder", "render", "_prepare_response_content"})


@dataclass(frozen=True, slots=True)
class Site:
    """A line of the application that blocked the loop.

    Attributes:
        route: the route of the request, empty where it is not known.
        file: the file as it is shown.
        line: the line number.
        function: the function that contains the line.
        source: the text of the line, without its comment.
        call: the innermost function on the stack, as `file:function`.
        serialising: whether the handler had returned and FastAPI was turning its answer into JSON.
    """

    route: str
    file: str
    line: int
    function: str
    source: str
    call: str
    serialising: bool


class LoopStacks:
    """Samples the loop's stack from another thread. Of `samples` samples, `busy` found a request's task on the loop."""

    def __init__(self, accounts: RequestAccounts, loop_thread: int, application: Application | None = None) -> None:
        self._accounts = accounts
        self._loop_thread = loop_thread
        self._application = application or Application()
        self._seen: Counter[Site] = Counter()
        self.samples = 0
        self.busy = 0

    @contextlib.contextmanager
    def sampling(self) -> Iterator[None]:
        """Take samples while the block runs."""
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
        """Return the counts so far, with the most frequent site first."""
        sites = [asdict(site) | {"samples": count} for site, count in self._seen.copy().most_common()]
        return {"samples": self.samples, "busy": self.busy, "sites": sites}

    def _sample(self) -> None:
        self.samples += 1
        account = self._accounts.holder
        frame = frames_by_thread().get(self._loop_thread)
        if account is None or frame is None:
            return
        self.busy += 1
        found = site_of(frame, self._accounts.name_of(account), self._application)
        if found is not None:
            self._seen[found] += 1


def site_of(frame: FrameType, route: str, application: Application) -> Site | None:
    """Return the innermost line of the application's own code on this stack, or None where there is none.

    Where FastAPI serialises an answer, return the serialiser's line: the handler has returned then, and the
    application's lines further out are middleware.
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
    line = line_of(frame)
    return Site(
        route=route,
        file=shown,
        line=line,
        function=frame.f_code.co_name,
        source=source_of(frame.f_code.co_filename, line),
        call=call_of(call),
        serialising=serialising,
    )
