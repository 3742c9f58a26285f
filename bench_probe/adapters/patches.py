"""Replacements of a library's functions, each undone at the end."""

from __future__ import annotations

from types import TracebackType
from typing import Any


class Patches:
    """What was replaced. Leaving the `with` block puts the originals back, the last one first.

    A function that somebody else replaced in the meantime stays as it is: to put the original back would undo theirs.
    """

    def __init__(self) -> None:
        self._replaced: list[tuple[Any, str, Any, Any]] = []

    def __enter__(self) -> Patches:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for owner, name, original, replacement in reversed(self._replaced):
            if getattr(owner, name, None) is replacement:
                setattr(owner, name, original)
        self._replaced.clear()

    def replace(self, owner: Any, name: str, replacement: Any) -> None:
        """Put `replacement` in the place of the owner's attribute.

        Raises:
            AttributeError: the owner has no such attribute.
        """
        original = getattr(owner, name)
        setattr(owner, name, replacement)
        self._replaced.append((owner, name, original, replacement))

    def take_over(self, other: Patches) -> None:
        """Undo the other's replacements with these, and not when its own block ends."""
        self._replaced += other._replaced
        other._replaced = []
