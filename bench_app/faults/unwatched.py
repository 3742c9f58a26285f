"""A lock of the operating system: no library and no frame tells that threads wait for each other there."""

import fcntl
import tempfile
import time
from pathlib import Path

from bench_app.workload import Suffers, Workload

HELD_S = 0.005

workload = Workload(name="unwatched", question="Is the line named where requests wait in a way that no rule knows?")
_file = Path(tempfile.gettempdir(), "bench-unwatched.lock")


@workload.variant("sync", suffers=Suffers("slow call", function="wait_for_the_file"))
def wait_for_the_file() -> dict[str, bool]:
    """Wait while holding a file's lock that one thread has at a time."""
    with _file.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        time.sleep(HELD_S)
    return {"ok": True}
