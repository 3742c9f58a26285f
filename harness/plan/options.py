"""What was asked for on the command line."""

from __future__ import annotations

from harness.exceptions import BadInputError


def listed(text: str | None) -> list[str]:
    """The names in a comma-separated list; nothing where none was given.

    Raises:
        BadInputError: it was given, and holds nothing.
    """
    parts = [part.strip() for part in (text or "").split(",") if part.strip()]
    if text is not None and not parts:
        raise BadInputError("An option that takes a list was given an empty one: name at least one, or leave it out.")
    return parts


def whole_numbers(option: str, text: str | None) -> list[int]:
    """Return the whole numbers in a comma-separated list."""
    try:
        return [int(part) for part in listed(text)]
    except ValueError:
        raise BadInputError(f"{option} {text} is no list of whole numbers: write it as 64, or as 8,64,256.") from None


def rates(text: str | None) -> list[float]:
    """Return the numbers in a comma-separated list."""
    try:
        return [float(part) for part in listed(text)]
    except ValueError:
        raise BadInputError(f"--rate {text} is no list of numbers: write it as 200, or as 200,500.") from None
