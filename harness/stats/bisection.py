"""The search for the highest rate that is carried: bracket first, then halve, on a logarithmic scale."""

from __future__ import annotations

import math
from typing import Final

RESOLUTION: Final = 0.04
MOST_PROBES: Final = 24


class Bisection:
    """Says which rate to try next; is told whether it was carried.

    It begins at a guess and goes on by `step`, squared each time, until one rate was carried and another was not; then
    it halves what lies between until the two are within `RESOLUTION`. `lowest` and `highest` bound where it looks.
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
        """The rate to try, to three figures; None when the answer is known as well as it will be."""
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
        """The rate was tried."""
        self._probes += 1
        if carried:
            self.carried = rate_rps
        else:
            self.refused = rate_rps
        if (self.carried is None or self.refused is None) and self._probes > 1:
            self._step *= self._step

    @property
    def capacity_rps(self) -> float | None:
        """The middle of the bracket; the end of the range where it is open above, None where it is open below."""
        if self.carried is None:
            return None
        return self.carried if self.refused is None else math.sqrt(self.carried * self.refused)

    @staticmethod
    def _rounded(rate_rps: float) -> float:
        return float(f"{rate_rps:.3g}")
