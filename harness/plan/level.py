"""The load of a trial: a number of users in a closed loop, or a rate of requests in an open loop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from harness.plan.knobs import USUAL, Knobs
from scenarios.wire.arrivals import Arrivals

MAX_USERS: Final = 10_000
MIN_RATE, MAX_RATE = 0.1, 1_000_000.0
ARRIVALS: Final[Mapping[str, Arrivals]] = {"constant": "constant", "poisson": "poisson"}
ARRIVALS_SPELLED: Final[Mapping[Arrivals, str]] = {"constant": "constant", "poisson": "Poisson"}


@dataclass(frozen=True, slots=True)
class Level:
    """The load of a trial, and the setting of the server that receives it.

    Closed loop: each of `users` users sends its next request `think_s` seconds after the answer to its last one. Open
    loop: `rate_rps` requests a second are due at times that `arrivals` decides and the answers do not, over at most
    `users` connections.
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
        """The load in words, without the setting of the server."""
        if self.rate_rps is None:
            think = f" with {self.think_s * 1000:g} ms think time" if self.think_s else ""
            return f"{self.users} user{'s' if self.users != 1 else ''}{think}, closed loop"
        return f"{self.rate_rps:,.10g} req/s, open loop, {ARRIVALS_SPELLED[self.arrivals]} arrivals"

    @property
    def size(self) -> float:
        """The amount of load, in `unit`."""
        return self.users if self.rate_rps is None else self.rate_rps

    @property
    def unit(self) -> str:
        return "users" if self.rate_rps is None else "req/s offered"
