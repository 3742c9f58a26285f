"""The frames of all threads, read in a way that cannot stop the process."""

from __future__ import annotations

import gc
import sys
import threading
from types import FrameType
from typing import Final

_ONE_READER: Final = threading.Lock()


def frames_by_thread() -> dict[int, FrameType]:
    """Return the innermost frame of each thread, by its ident.

    `sys._current_frames` holds a lock of the interpreter while it makes frame objects. A garbage collection in that
    time may run a callback in Python, which gives the GIL away. A thread that then starts, ends or reads frames waits
    for the lock with the GIL in its hand, and the process stands still for good. So nothing is collected meanwhile.
    """
    with _ONE_READER:
        collects = gc.isenabled()
        gc.disable()
        try:
            return sys._current_frames()
        finally:
            if collects:
                gc.enable()
