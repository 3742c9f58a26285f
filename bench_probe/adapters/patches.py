"""Replacements of a library's functions, and the restoring of the originals."""

from __future__ import annotations

from types import TracebackType
from typing import Any


class Patches:
    """A list of replaced functions. Leaving the `with` block restores the originals, the last one first.

    A function that other code has replaced in the meantime stays as it is, because restoring it would undo that change.
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
        """Replace the owner's attribute `name` by `replacement`.

        Raises:
            AttributeError: the owner has no such attribute.
        """
        original = getattr(owner, name)
        setattr(owner, name, replacement)
        self._replaced.append((owner, name, original, replacement))

    def take_over(self, other: Patches) -> None:
        """Move the replacements of `other` here, so that this block restores them and not the block of `other`."""
        self._replaced += other._replaced
        other._replaced = []
