"""Tells the application's own code from installed code, because a cause names the line that its author can change."""

from __future__ import annotations

import linecache
import sysconfig
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import CodeType, FrameType
from typing import Final

PROBE: Final = str(Path(__file__).parent)
INSTALLED: Final = tuple(
    {
        str(spelled)
        for name in ("stdlib", "platstdlib", "purelib", "platlib")
        for spelled in (Path(sysconfig.get_paths()[name]), Path(sysconfig.get_paths()[name]).resolve())
    }
)
"""Folders of the standard library and of installed packages. An application installed there must give `roots`."""


class Application:
    """Tells the application's own files from installed ones.

    Its own are the files below `roots`, or without `roots` all that are not in INSTALLED; `excluded` files and those of
    bench_probe never are. Names are shown relative to `root`, by default the working directory.
    """

    def __init__(self, roots: Sequence[Path] = (), *, excluded: Sequence[Path] = (), root: Path | None = None) -> None:
        self._roots = tuple(f"{each.resolve()}/" for each in roots)
        self._excluded = frozenset(str(each) for each in excluded)
        self._root = root or Path.cwd()
        self._owned: dict[str, bool] = {}
        self._spelled: dict[str, str] = {}

    def owns(self, file: str) -> bool:
        """Return whether this file is the application's own."""
        known = self._owned.get(file)
        if known is None:
            known = self._owned[file] = self._owns(file)
        return known

    def _owns(self, file: str) -> bool:
        if file.startswith(("<", PROBE)) or file in self._excluded:
            return False
        return file.startswith(self._roots) if self._roots else not file.startswith(INSTALLED)

    def spelled(self, file: str) -> str:
        """Return the name to show: relative to `root` where the file is below it, else without its folder."""
        known = self._spelled.get(file)
        if known is None:
            path = Path(file)
            known = str(path.relative_to(self._root)) if path.is_relative_to(self._root) else path.name
            self._spelled[file] = known
        return known


def line_of(frame: FrameType) -> int:
    """Return the current line of a frame, or the first line of its function while it is between two lines."""
    return frame.f_lineno or frame.f_code.co_firstlineno


def source_of(file: str, line: int) -> str:
    """Return the text of a line without its comment; empty where the file cannot be read."""
    return linecache.getline(file, line).partition("  #")[0].strip()


def call_of(frame: FrameType) -> str:
    """Return the name of a call as `file:function`, with the class where this Python knows it."""
    return _call_of_code(frame.f_code)


@cache
def _call_of_code(code: CodeType) -> str:
    name = getattr(code, "co_qualname", code.co_name).rpartition("<locals>.")[2]
    return f"{Path(code.co_filename).name}:{name}"
