"""Ends a child process when its parent ends, even where the parent was killed."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import Final

PR_SET_PDEATHSIG: Final = 1


def die_with_parent() -> None:
    """Make the kernel kill this process when its parent ends. On systems other than Linux, do nothing."""
    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:  # it ended before the request took effect
            os.kill(os.getpid(), signal.SIGKILL)
