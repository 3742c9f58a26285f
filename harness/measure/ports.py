"""Ports of this machine: chosen, and checked before anything listens on them."""

from __future__ import annotations

import socket

from harness.exceptions import BadInputError
from harness.plan.address import HOST


def free_port(wanted: int | None = None, host: str = HOST) -> int:
    """Return the wanted port of the host if a server can listen on it, or any free port where none is wanted.

    Raises:
        OSError: the wanted port is taken, or the host is not an address of this machine.
    """
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, wanted or 0))
        port: int = probe.getsockname()[1]
        return port


def check_port(port: int | None) -> None:
    """Refuse a port that is taken, before anything is started.

    Raises:
        BadInputError: no server can listen on it.
    """
    if port is None:
        return
    try:
        free_port(port)
    except OSError as error:
        raise BadInputError(
            f"Port {port} cannot be listened on ({error.strerror}): give another --port, or none."
        ) from None
