"""The load of a trial: so many users in a closed loop, or so many requests a second in an open one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from harness.exceptions import BadInputError, in_range, unknown
from harness.plan.knobs import USUAL, Knobs
from scenarios.wire.arrivals import Arrivals

MAX_USERS: Final = 10_000
MIN_RATE, MAX_RATE = 0.1, 1_000_000.0
ARRIVALS: Final[Mapping[str, Arrivals]] = {"constant": "constant", "poisson": "poisson"}
ARRIVALS_SPELLED: Final[Mapping[Arrivals, str]] = {"constant": "constant", "poisson": "Poisson"}


@dataclass(frozen=True, slots=True)
class Level:
    """The load, and the setting of the server that it is put on.

    Closed loop: `users` of them, each sending its next request `think_s` seconds after the last one is answered. Open
    loop: `rate_rps` requests a second, due by `arrivals` whatever the answers do, over at most `users` connections.
    """

    users: int
    model: Literal["closed", "open"] = "closed"
    rate_rps: float | None = None
    arrivals: Arrivals = "constant"
    think_s: float = 0.0
    knobs: Knobs = USUAL

    def __str__(self) -> str:
        return ", ".join(filter(None, (self.load, str(self.knobs))))

    @property
    def load(self) -> str:
        """The load alone, in words."""
        if self.rate_rps is None:
            think = f" with {self.think_s * 1000:g} ms think time" if self.think_s else ""
            return f"{self.users} user{'s' if self.users != 1 else ''}{think}, closed loop"
        return f"{self.rate_rps:,.10g} req/s, open loop, {ARRIVALS_SPELLED[self.arrivals]} arrivals"

    @property
    def size(self) -> float:
        """How much load it is, in its `unit`."""
        return self.users if self.rate_rps is None else self.rate_rps

    @property
    def unit(self) -> str:
        return "users" if self.rate_rps is None else "req/s offered"


def make_levels(
    users: Sequence[int],
    rates: Sequence[float],
    arrivals: str,
    think_s: float,
    settings: Sequence[Knobs] = (USUAL,),
) -> tuple[Level, ...]:
    """The levels that were asked for: every rate over the one number of users, or every number of users, each of them
    with every setting of the server.

    Raises:
        BadInputError: a number is out of range, or two options contradict each other.
    """
    closed = tuple(
        Level(in_range("--users", count, 1, MAX_USERS), think_s=think_s, knobs=knobs)
        for knobs in settings
        for count in dict.fromkeys(users)
    )
    if arrivals not in ARRIVALS:
        raise unknown("schedule of arrivals", arrivals, ARRIVALS)
    if not rates:
        return closed
    if len(set(users)) > 1:
        raise BadInputError(
            "--rate is for an open loop, where --users bounds the connections: give one number of users."
        )
    if think_s:
        raise BadInputError("--think-ms is for a closed loop: with --rate, the schedule says when the next is due.")
    return tuple(
        Level(closed[0].users, "open", in_range("--rate", rate, MIN_RATE, MAX_RATE), ARRIVALS[arrivals], knobs=knobs)
        for knobs in settings
        for rate in dict.fromkeys(rates)
    )
