"""`bench.py worker`: work as a load process for a run on another machine."""

from __future__ import annotations

import os
import resource
import socket
import sys
from typing import NoReturn

from harness.exceptions import BadInputError
from harness.measure.child import PROJECT
from harness.plan.address import host_and_port


def work(master: str) -> NoReturn:
    """Turn this process into the worker, which ends when the run ends.

    Raises:
        BadInputError: the address is not valid.
    """
    host, port = host_and_port("--master", master)
    try:
        socket.getaddrinfo(host, port)
    except OSError as error:
        raise BadInputError(f"--master {host} is no known host ({error.strerror}): give its name or address.") from None
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.chdir(PROJECT)
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "scenarios.runner.worker", "--host", host, "--port", str(port)])
