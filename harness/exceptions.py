"""Errors: each is one sentence for the user at the terminal, which says what happened and what to do about it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TypeVar

Number = TypeVar("Number", int, float)


class BenchError(Exception):
    """The harness could not do its work."""

    exit_code = 3


class BadInputError(BenchError):
    """What the user asked for cannot be done as it stands."""

    exit_code = 2


class ChildDiedError(BenchError):
    """A process of the run ended before the run did."""


class StoppedError(BenchError):
    """The user, or the system, asked the program to stop."""

    exit_code = 130


def in_range(option: str, value: Number, low: Number, high: Number) -> Number:
    """Return `value` if it lies from `low` to `high`, both included.

    Raises:
        BadInputError: it does not. The message names `option`.
    """
    if not low <= value <= high:
        raise BadInputError(f"{option} {value:g} is out of range: give a number from {low:g} to {high:g}.")
    return value


def unknown(noun: str, name: str, known: Iterable[str]) -> BadInputError:
    """Return the error for an unknown name, with the nearest known name, or with all of them where none is near."""
    names = sorted(known)
    if "://" in name:  # a connection string, which may contain a password: do not repeat it
        return BadInputError(f"A {noun} was expected and an address was given: --dsn goes before a connection string.")
    nearest = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {nearest[0]!r}?" if nearest else f"choose from {', '.join(names)}."
    return BadInputError(f"There is no {noun} {name!r}: {hint}")
