"""A time limit for a whole call.

A socket's time-out limits each read, so a server that sends a byte now and then can hold a client without limit.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def within(limit_s: float, call: Callable[[], T]) -> T:
    """Return what `call` returns, or raise what it raises, within `limit_s` seconds.

    Raises:
        TimeoutError: the time is up. The call then continues in a thread of its own, and its result is lost.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(call())
        except BaseException as error:  # raised again below
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(limit_s)
    if results:
        return results[0]
    if errors:
        raise errors[0]
    raise TimeoutError(f"no whole answer within {limit_s:g} s")
