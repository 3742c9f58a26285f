"""The due times of an open loop: an absolute schedule that no answer can delay."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import count
from typing import Literal

Arrivals = Literal["constant", "poisson"]


def due_times(arrivals: Arrivals, rate_rps: float, seed: int) -> Iterator[int]:
    """Return an endless iterator of due times t_k, in nanoseconds after the start.

    Constant: t_k = k / rate, for k = 0, 1, … Poisson process: the gaps, and the time to the first request, are
    independent and exponential with mean 1 / rate. The same seed gives the same times.
    """
    if arrivals == "constant":
        period_ns = 1e9 / rate_rps
        return (round(k * period_ns) for k in count())
    return _poisson(rate_rps, seed)


def _poisson(rate_rps: float, seed: int) -> Iterator[int]:
    draw, due_ns = random.Random(seed), 0.0
    while True:
        due_ns += draw.expovariate(rate_rps) * 1e9
        yield round(due_ns)
