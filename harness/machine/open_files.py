"""How many files a process may have open: each connection is one."""

from __future__ import annotations

import resource
from typing import Final

from harness.exceptions import BadInputError

SPARE_FILES: Final = 256

# The server of a workload that connects for each request holds a connection outwards for each one inwards.
FILES_A_USER: Final = 2


def check_files(users: int) -> None:
    """Refuse more users than a process may have files open; the soft limit is raised for each, the hard one stands.

    Raises:
        BadInputError: the hard limit is too low.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = users * FILES_A_USER + SPARE_FILES
    if hard != resource.RLIM_INFINITY and needed > hard:
        raise BadInputError(
            f"{users} users need {needed:,} open files in one process and the hard limit here is {hard:,}: raise it "
            f"(ulimit -Hn), or use up to {max(0, (hard - SPARE_FILES) // FILES_A_USER):,} users."
        )
