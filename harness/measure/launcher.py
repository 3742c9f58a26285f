"""Becomes another program on given cores, which the kernel kills when the launching process dies.

`harness.measure.child` runs this file as a script. A function between fork and exec would not be safe in a process with
threads, and an exit handler would not run after kill -9.
"""

import argparse
import contextlib
import ctypes
import os
import resource
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Read the options, set this process up by them, and exec the command that follows them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--death-signal", type=int, default=signal.SIGKILL)
    parser.add_argument("--cores", default="")
    parser.add_argument("--uid", type=int)
    parser.add_argument("--gid", type=int)
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    if options.cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(core) for core in options.cores.split(",")})
    # A connection is a file; the soft limit of 1,024 is too low for many users.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if options.uid is not None:
        os.setgroups([])
        os.setgid(options.gid)
        os.setuid(options.uid)
    # Set after the change of user, which would clear it.
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(options.death_signal), 0, 0, 0)
    if os.getppid() != options.parent:
        sys.exit("the launching process has ended")
    os.execvp(options.command[0], options.command)


if __name__ == "__main__":
    main()
