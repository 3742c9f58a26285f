"""The directory of a run: what it is called, what it contains, and the link to the latest one."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Final

from harness.exceptions import BadInputError

MANIFEST: Final = "run.json"
TRIALS: Final = "trials"
DIAGNOSIS: Final = "diagnosis"
PAGE: Final = "report.html"
SUMMARY: Final = "summary.json"
CHARTS: Final = "charts"


def make_directory(parent: Path, name: str, started: datetime) -> Path:
    """Create a run directory below `parent`, named by the time and `name`, and return its path.

    Raises:
        BadInputError: `parent` cannot be written to.
    """
    stem = f"{started:%Y%m%dT%H%M%SZ}-{name}"
    try:
        parent.mkdir(parents=True, exist_ok=True)
        for suffix in ("", *(f"-{number}" for number in range(2, 100))):
            directory = parent / f"{stem}{suffix}"
            if not directory.exists():
                break
        for part in (directory, directory / TRIALS, directory / "logs"):
            part.mkdir()
    except OSError as error:
        raise _unwritable(parent, error) from None
    return directory


def beside_the_runs(parent: Path, name: str) -> Path:
    """Return the path of the file `name` in the directory of the runs, after a check that it can be written to.

    Raises:
        BadInputError: it cannot be written to.
    """
    path = parent.resolve() / name
    try:
        parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    except OSError as error:
        raise _unwritable(parent, error) from None
    return path


def _unwritable(parent: Path, error: OSError) -> BadInputError:
    return BadInputError(
        f"--out {parent} cannot be written to ({error.strerror}): give a directory that you may write."
    )


def point_latest(directory: Path) -> Path:
    """Point the link `latest`, beside the run directory, at it; return the link, or the directory if links fail."""
    latest = directory.parent / "latest"
    fresh = directory.parent / f".latest-{os.getpid()}"
    try:
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(directory.name, target_is_directory=True)
        fresh.replace(latest)
    except OSError:
        fresh.unlink(missing_ok=True)
        return directory
    return latest
