"""The version of this program, from its own project file where it is run from a checkout."""

from __future__ import annotations

import tomllib
from importlib import metadata
from pathlib import Path
from typing import Final

NAME: Final = "async-versus-blocking"
PROJECT_FILE: Final = Path(__file__).resolve().parent.parent.parent / "pyproject.toml"


def version() -> str:
    """Return the version of the checkout, or of what is installed; `unknown` where neither says."""
    try:
        project = tomllib.loads(PROJECT_FILE.read_text(encoding="utf-8"))["project"]
        if project["name"] == NAME:
            return str(project["version"])
    except (OSError, KeyError, tomllib.TOMLDecodeError):
        pass
    try:
        return metadata.version(NAME)
    except metadata.PackageNotFoundError:
        return "unknown"
