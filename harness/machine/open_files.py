"""The limit on open files in a process: each connection is an open file."""

from __future__ import annotations

import resource
from typing import Final

from harness.exceptions import BadInputError

SPARE_FILES: Final = 256

# Where a workload connects for each request, the server holds an outgoing connection for each incoming one.
FILES_A_USER: Final = 2


def check_files(users: int) -> None:
    """Refuse more users than the hard limit on open files allows.

    The soft limit does not matter, because each process of the run raises it to the hard one.

    Raises:
        BadInputError: the hard limit is too low for so many users.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = users * FILES_A_USER + SPARE_FILES
    if hard != resource.RLIM_INFINITY and needed > hard:
        raise BadInputError(
            f"{users} users need {needed:,} open files in one process and the hard limit here is {hard:,}: raise it "
            f"(ulimit -Hn), or use up to {max(0, (hard - SPARE_FILES) // FILES_A_USER):,} users."
        )
