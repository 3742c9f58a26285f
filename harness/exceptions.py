"""What goes wrong, as one sentence for the person at the terminal: what happened, and what to do about it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TypeVar

Number = TypeVar("Number", int, float)


class BenchError(Exception):
    """The harness could not do its work."""

    exit_code = 3


class BadInputError(BenchError):
    """What was asked for cannot be done as it was asked."""

    exit_code = 2


class ChildDiedError(BenchError):
    """A process of the run ended before its time."""


class StoppedError(BenchError):
    """The person at the terminal, or the system, asked for an end."""

    exit_code = 130


def in_range(option: str, value: Number, low: Number, high: Number) -> Number:
    """The value, if it is one that can be measured with."""
    if not low <= value <= high:
        raise BadInputError(f"{option} {value:g} is out of range: give a number from {low:g} to {high:g}.")
    return value


def unknown(noun: str, name: str, known: Iterable[str]) -> BadInputError:
    """The error for a name that nothing has, with the nearest one that something has."""
    names = sorted(known)
    if "://" in name:  # a connection string in the wrong place, and it may hold a password
        return BadInputError(f"A {noun} was expected where an address stands: --dsn goes before a connection string.")
    nearest = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {nearest[0]!r}?" if nearest else f"choose from {', '.join(names)}."
    return BadInputError(f"There is no {noun} {name!r}: {hint}")
