"""Records which kind of thread runs each handler. Only the verification server has it, never the measured server."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable
from typing import Any


class ThreadRecorder:
    """Records, for each path, the kinds of thread (`loop` or `worker`) that its handler ran on."""

    def __init__(self) -> None:
        self.loop_thread: int | None = None
        self.threads: dict[str, set[str]] = {}

    def record(self, path: str, handler: Callable[..., Any]) -> Callable[..., Any]:
        """Return the handler, wrapped to record its thread. A def stays a def, and an async def stays an async def."""
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
