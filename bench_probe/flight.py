"""A request in flight: the tasks and threads that work for it, from its first step to the end of all its work."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from bench_probe.accounts import Account

TOKENS: Final = "thread tokens"
"""The name of the pool that anyio's default limiter admits requests to."""


@dataclass(slots=True, eq=False)
class Hop:
    """A call that was handed to a thread of a pool, and may wait for one.

    Attributes:
        pool: the name of the pool.
        callee: the name of the function that the thread runs.
        flight: the request that it works for; None where it works for no request.
        task: the task that asked for it; None where a thread asked.
        thread: the thread that runs it; None until one does.
        asked_ns, began_ns, ended_ns: when it was asked for, began and ended; 0 until then.
        computed_ns: the CPU time of the call.
    """

    pool: str
    callee: str
    flight: Flight | None
    task: asyncio.Task[Any] | None
    thread: int | None = None
    asked_ns: int = 0
    began_ns: int = 0
    ended_ns: int = 0
    computed_ns: int = 0


@dataclass(slots=True, eq=False)
class Flight:
    """A request in flight. Only the loop's thread changes `tasks`; any thread may look at them.

    Attributes:
        route: the request's route.
        account: the account of that route.
        scope: its ASGI scope.
        task: the task that runs the application for it.
        began_ns: when the application was called.
        answered_ns: when the last piece of the answer was sent; 0 until then.
        returned: whether the call of the application has returned.
        tasks: its other tasks that have not ended.
        hops: its calls in threads, or on their way to one, that have not ended.
        called: the names of the functions that threads have run for it.
        waited: the places at which it was seen waiting.
    """

    route: str
    account: Account
    scope: MutableMapping[str, Any]
    task: asyncio.Task[Any] | None
    began_ns: int
    answered_ns: int = 0
    returned: bool = False
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    hops: set[Hop] = field(default_factory=set)
    called: set[str] = field(default_factory=set)
    waited: set[Any] = field(default_factory=set)

    @property
    def is_over(self) -> bool:
        """Tell whether nothing works for this request any more."""
        return self.returned and not self.tasks and not self.hops

    @property
    def is_left_behind(self) -> bool:
        """Tell whether work goes on for this request although it was answered."""
        return self.answered_ns > 0 and not self.is_over


def asking_task() -> asyncio.Task[Any] | None:
    """Return the task that runs in this thread; None in a thread without a loop."""
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


def callee_of(function: Callable[..., Any]) -> str:
    """Return the name of a function for people: the wrapped one for a partial, the generator's for its manager."""
    while isinstance(function, functools.partial):
        function = function.func
    manager = getattr(function, "__self__", None)
    generator = getattr(manager, "func", None)
    if generator is not None and getattr(function, "__name__", "") in ("__enter__", "__exit__"):
        return str(getattr(generator, "__qualname__", generator))
    return str(getattr(function, "__qualname__", type(function).__qualname__))


def now_ns() -> int:
    """Return the time on the clock of all figures of the probe."""
    return time.monotonic_ns()
