"""Addresses and ports: read from an option, spelled in a URL, chosen and checked before anything listens."""

from __future__ import annotations

import re
import socket
from typing import Final

from harness.exceptions import BadInputError, in_range
from harness.measure.load import DEFAULT_MEETING_PORT

HOST: Final = "127.0.0.1"


def host_and_port(option: str, text: str) -> tuple[str, int]:
    """What stands in HOST, HOST:PORT or [HOST]:PORT.

    Raises:
        BadInputError: it is none of these.
    """
    found = re.fullmatch(r"(?:\[([^\]]+)\]|([^:\s]+))(?::(\d+))?", text)
    if found is None:
        raise BadInputError(f"{option} {text} is no address: write it as HOST or HOST:PORT, an IPv6 one in brackets.")
    port = int(found[3]) if found[3] else DEFAULT_MEETING_PORT
    return found[1] or found[2], in_range(f"the port of {option}", port, 1, 65_535)


def bracketed(host: str) -> str:
    """The host as it stands in an address: an IPv6 one in brackets."""
    return f"[{host}]" if ":" in host else host


def free_port(wanted: int | None = None, host: str = "127.0.0.1") -> int:
    """The wanted port of the host if it can be listened on, or any free one.

    Raises:
        OSError: the wanted port is taken.
    """
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, wanted or 0))
        port: int = probe.getsockname()[1]
        return port


def check_port(port: int | None) -> None:
    """Refuse what is no port, and one that is taken, before anything is started.

    Raises:
        BadInputError: it lies outside 1 to 65535, or cannot be listened on.
    """
    if port is None:
        return
    try:
        free_port(in_range("--port", port, 1, 65_535))
    except OSError as error:
        raise BadInputError(
            f"Port {port} cannot be listened on ({error.strerror}): give another --port, or none."
        ) from None
