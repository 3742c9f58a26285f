"""The frames of a task that does not run: from its outermost coroutine inwards to what it awaits, and to other tasks.

A task that waits has no stack. Each of its coroutines holds the frame in which it stands and the object that it awaits.
Any thread may look at them, as long as it expects that they change meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Iterable, Iterator
from functools import cache
from types import CodeType, FrameType
from typing import Any, Final

LINKS: Final = (("cr_frame", "cr_await"), ("ag_frame", "ag_await"), ("gi_frame", "gi_yieldfrom"))
"""How a coroutine, an asynchronous generator and a generator name their frame and what they wait for."""
DEEPEST: Final = 200
WAITING_FOR_TASKS: Final = frozenset({"fs", "fut", "fut_waiter", "aw", "todo"})
"""Local variables in which asyncio's own `wait` and `wait_for` keep the tasks that they wait for."""


def frames_of(task: asyncio.Task[Any]) -> tuple[list[FrameType], Any]:
    """Return the frames of a waiting task, the outermost first, and the object that the innermost one awaits."""
    frames: list[FrameType] = []
    awaited: Any = task.get_coro()
    for _ in range(DEEPEST):
        link = _link_of(awaited)
        if link is None:
            break
        frame, awaited = link
        if frame is not None:
            frames.append(frame)
        if awaited is None:
            break
    return frames, awaited


def _link_of(awaited: Any) -> tuple[FrameType | None, Any] | None:
    """Return the frame of a coroutine or generator and what it awaits; None where there is no way further in."""
    for frame_name, next_name in LINKS:
        if hasattr(awaited, frame_name):
            return getattr(awaited, frame_name), getattr(awaited, next_name)
    if awaited is None or isinstance(awaited, asyncio.Future):
        return None
    # `await generator.__anext__()` and `coroutine.__await__()` are objects without attributes that hold one.
    inner = next((each for each in gc.get_referents(awaited) if _continues(each)), None)
    return None if inner is None else (None, inner)


def _continues(each: Any) -> bool:
    return isinstance(each, asyncio.Future) or any(hasattr(each, name) for name, _ in LINKS)


def children_of(task: asyncio.Task[Any], frames: Iterable[FrameType], awaited: Any) -> list[asyncio.Task[Any]]:
    """Return the tasks that this waiting task waits for, as far as they have not ended.

    These are a task that it awaits, those of a `gather`, a `wait` and a `wait_for`, and those of a task group.
    """
    found: dict[int, asyncio.Task[Any]] = {}
    for waiter in (awaited, getattr(task, "_fut_waiter", None)):
        for each in (waiter, *getattr(waiter, "_children", ())):
            _add(found, each)
    for frame in frames:
        for name, value in tuple(frame.f_locals.items()):
            if name in WAITING_FOR_TASKS:
                for each in value if isinstance(value, (set, list, tuple)) else (value,):
                    _add(found, each)
            elif type(value).__name__ == "TaskGroup":
                for each in tuple(getattr(value, "_tasks", ())):
                    _add(found, each)
    found.pop(id(task), None)
    return list(found.values())


def _add(found: dict[int, asyncio.Task[Any]], each: Any) -> None:
    if isinstance(each, asyncio.Task) and not each.done():
        found[id(each)] = each


def is_ready(task: asyncio.Task[Any]) -> bool:
    """Return whether a task that does not run could: it waits for the loop alone."""
    waiter = getattr(task, "_fut_waiter", None)
    return waiter is None or waiter.done()


def generators_of(frames: Iterable[FrameType]) -> Iterator[FrameType]:
    """Yield the frame of each generator that an exit stack of these frames keeps open.

    FastAPI keeps a dependency with `yield` open there until the request is answered.
    """
    for frame in frames:
        for value in tuple(frame.f_locals.values()) if _has_stack(frame.f_code) else ():
            if not isinstance(value, (contextlib.AsyncExitStack, contextlib.ExitStack)):
                continue
            for _, callback in tuple(getattr(value, "_exit_callbacks", ())):
                yield from _generators_in(getattr(callback, "__self__", None))


@cache
def _has_stack(code: CodeType) -> bool:
    # To read the variables of every frame would take longer than all the rest.
    return any("stack" in name for name in (*code.co_varnames, *code.co_cellvars, *code.co_freevars))


def _generators_in(manager: Any) -> Iterator[FrameType]:
    """Yield the frame of a context manager's generator, and of the one within it.

    FastAPI wraps a `def` dependency, which is a generator, in an asynchronous one.
    """
    generator = getattr(manager, "gen", None)
    frame = getattr(generator, "ag_frame", None) or getattr(generator, "gi_frame", None)
    if frame is not None:
        yield frame
        yield from _generators_in(frame.f_locals.get("cm"))
