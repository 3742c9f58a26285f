"""Addresses: read from an option and spelled in a URL. Nothing here opens a socket."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from harness.exceptions import BadInputError, in_range

HOST: Final = "127.0.0.1"
DEFAULT_MEETING_PORT: Final = 5557
"""Where the workers of other machines join, unless another port is given."""
EVERYWHERE: Final = frozenset({"*", "0.0.0.0", "::"})


@dataclass(frozen=True, slots=True)
class Meeting:
    """Where `workers` load processes of other machines join the run."""

    host: str
    port: int
    workers: int

    def __str__(self) -> str:
        """Spell the address as `--master` takes it."""
        return f"{bracketed(self.host)}:{self.port}"


def bracketed(host: str) -> str:
    """Return the host as it stands in an address: an IPv6 one in brackets."""
    return f"[{host}]" if ":" in host else host


def host_and_port(option: str, text: str) -> tuple[str, int]:
    """Return what stands in HOST, HOST:PORT, [HOST] or [HOST]:PORT.

    Raises:
        BadInputError: it is none of these.
    """
    found = re.fullmatch(r"(?:\[([^\]]+)\]|([^:\s]+))(?::(\d+))?", text)
    if found is None:
        raise BadInputError(f"{option} {text} is no address: write it as HOST or HOST:PORT, an IPv6 one in brackets.")
    port = int(found[3]) if found[3] else DEFAULT_MEETING_PORT
    return found[1] or found[2], in_range(f"the port of {option}", port, 1, 65_535)
