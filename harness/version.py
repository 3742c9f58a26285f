"""The version of this program: from its project file in a checkout, else from the installed package."""

from __future__ import annotations

import tomllib
from importlib import metadata
from pathlib import Path
from typing import Final

NAME: Final = "async-versus-blocking"
PROJECT_FILE: Final = Path(__file__).resolve().parent.parent / "pyproject.toml"


def version() -> str:
    """Return the version of the checkout, or of the installed package; `unknown` where neither is found."""
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
