"""The search for the highest rate that a server carries: bracket it, then halve the bracket on a logarithmic scale."""

from __future__ import annotations

import math
from typing import Final

RESOLUTION: Final = 0.04
MOST_PROBES: Final = 24


class Bisection:
    """Chooses each rate to try, in requests a second, from the outcomes of the rates before it.

    The first rate is the guess. The next ones rise or fall by the factor `step`, which is squared each time, until one
    rate was carried and another was not. Then the search halves the bracket between the two, until they are within
    `RESOLUTION` of each other. No rate lies outside `lowest` to `highest`.
    """

    def __init__(self, guess_rps: float, step: float, lowest: float, highest: float) -> None:
        self._guess = min(max(guess_rps, lowest), highest)
        self._step = step
        self._lowest, self._highest = lowest, highest
        self._probes = 0
        self.carried: float | None = None
        self.refused: float | None = None

    @property
    def next_rps(self) -> float | None:
        """The next rate to try, to three significant figures; None when the search has ended.

        The search ends at its resolution, at an end of its range, or after `MOST_PROBES` rates.
        """
        if self._probes >= MOST_PROBES:
            return None
        if self.carried is None and self.refused is None:
            return self._rounded(self._guess)
        if self.refused is None:
            assert self.carried is not None
            further = min(self.carried * self._step, self._highest)
            return self._rounded(further) if self.carried < self._highest else None
        if self.carried is None:
            further = max(self.refused / self._step, self._lowest)
            return self._rounded(further) if self.refused > self._lowest else None
        middle = self._rounded(math.sqrt(self.carried * self.refused))
        close = self.refused <= (1 + RESOLUTION) * self.carried
        return None if close or not self.carried < middle < self.refused else middle

    def tell(self, rate_rps: float, carried: bool) -> None:
        """Record whether the server carried the rate that was tried."""
        self._probes += 1
        if carried:
            self.carried = rate_rps
        else:
            self.refused = rate_rps
        if (self.carried is None or self.refused is None) and self._probes > 1:
            self._step *= self._step

    @property
    def capacity_rps(self) -> float | None:
        """The geometric middle of the bracket, in requests a second.

        Where no rate was refused, it is the highest one that was carried. None where no rate was carried.
        """
        if self.carried is None:
            return None
        return self.carried if self.refused is None else math.sqrt(self.carried * self.refused)

    @staticmethod
    def _rounded(rate_rps: float) -> float:
        return float(f"{rate_rps:.3g}")
