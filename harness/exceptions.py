"""What goes wrong, as one sentence for the person at the terminal: what happened, and what to do about it."""


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
