"""Addresses: parsed from an option and written into a URL. Nothing here opens a socket."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from harness.exceptions import BadInputError, in_range

HOST: Final = "127.0.0.1"
DEFAULT_MEETING_PORT: Final = 5557
"""The port at which workers of other machines join, unless the option gives another."""
EVERYWHERE: Final = frozenset({"*", "0.0.0.0", "::"})


@dataclass(frozen=True, slots=True)
class Meeting:
    """The address at which `workers` load processes of other machines join the run."""

    host: str
    port: int
    workers: int

    def __str__(self) -> str:
        """Return the address as `--master` accepts it."""
        return f"{bracketed(self.host)}:{self.port}"


def bracketed(host: str) -> str:
    """Return the host as a URL contains it: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def host_and_port(option: str, text: str) -> tuple[str, int]:
    """Return the host and the port of a text HOST, HOST:PORT, [HOST] or [HOST]:PORT.

    The port is `DEFAULT_MEETING_PORT` where the text has none.

    Raises:
        BadInputError: the text has none of these forms, or the port is out of range. The message names `option`.
    """
    found = re.fullmatch(r"(?:\[([^\]]+)\]|([^:\s]+))(?::(\d+))?", text)
    if found is None:
        raise BadInputError(
            f"{option} {text} is not an address: write HOST or HOST:PORT, with an IPv6 address in brackets."
        )
    port = int(found[3]) if found[3] else DEFAULT_MEETING_PORT
    return found[1] or found[2], in_range(f"the port of {option}", port, 1, 65_535)
