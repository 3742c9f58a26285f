"""A timer for gevent's hub that is accurate to the microsecond.

The hub rounds its own timers up to the millisecond. An open loop, which counts latency from the due time, would add
that to every latency. A Linux timer descriptor wakes the hub as a socket does. Other systems use the hub's timer.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Callable
from typing import Any, Final

import gevent

from scenarios.engine.connection import READ, now_ns

CLOCK_MONOTONIC: Final = 1
TFD_TIMER_ABSTIME: Final = 1
PR_SET_TIMERSLACK: Final = 29


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


class Timer:
    """Calls `callback` on the hub at the time, in `time.monotonic_ns()`, that was last set."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback = callback
        self._watcher: Any = None
        self._descriptor = -1
        if sys.platform == "linux":
            self._libc = ctypes.CDLL(None, use_errno=True)
            # By default the kernel may wake this thread 50 µs late to save power.
            self._libc.prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0)
            self._descriptor = self._libc.timerfd_create(CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._descriptor >= 0:
            self._spec = _Itimerspec()
            self._pointer = ctypes.byref(self._spec)
            self._watcher = gevent.get_hub().loop.io(self._descriptor, READ)
            self._watcher.start(self._expired)

    def set(self, moment_ns: int) -> None:
        """Call back at this time, or at once where it is past. This replaces the time set before."""
        if self._descriptor >= 0:
            # A value of zero would disarm the timer.
            self._spec.value.seconds, self._spec.value.nanoseconds = divmod(max(moment_ns, 1), 1_000_000_000)
            self._libc.timerfd_settime(self._descriptor, TFD_TIMER_ABSTIME, self._pointer, None)
            return
        self.close()
        self._watcher = gevent.get_hub().loop.timer(max(0.0, (moment_ns - now_ns()) / 1e9))
        self._watcher.start(self._callback)

    def close(self) -> None:
        """Release the timer. It never calls back again."""
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher.close()
            self._watcher = None
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _expired(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._descriptor, 8)
        self._callback()
