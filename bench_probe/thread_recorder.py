"""Which thread runs a handler. Only the server that is verified has a recorder; the measured one has none."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable
from typing import Any


class ThreadRecorder:
    """Remembers, for each path, the threads (`loop` or `worker`) that its handler ran on."""

    def __init__(self) -> None:
        self.loop_thread: int | None = None
        self.threads: dict[str, set[str]] = {}

    def record(self, path: str, handler: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a handler so that each call notes its thread; def stays def, async def stays async def."""
        seen = self.threads.setdefault(path, set())

        def note() -> None:
            seen.add("loop" if threading.get_ident() == self.loop_thread else "worker")

        if inspect.iscoroutinefunction(handler):

            @functools.wraps(handler)
            async def recorded_async(*args: Any, **kwargs: Any) -> Any:
                note()
                return await handler(*args, **kwargs)

            return recorded_async

        @functools.wraps(handler)
        def recorded_sync(*args: Any, **kwargs: Any) -> Any:
            note()
            return handler(*args, **kwargs)

        return recorded_sync
