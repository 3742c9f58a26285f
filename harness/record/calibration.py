"""The capacity of the load generator on this machine: the ceiling that no measured throughput may come near."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from harness.machine.machine import Machine

FILE: Final = "calibration.json"
PACKAGES_THAT_MATTER: Final = ("locust", "gevent", "httptools")


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Two percentiles, in milliseconds."""

    p50: float
    p99: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """The load generator against the null server.

    `client_ceiling_rps` is the median throughput with many users. It is only a lower bound of the ceiling where the
    server was the slower side (`server_was_the_limit`). `floor_ms` is the latency of a single user; the instrument
    cannot resolve shorter ones. `lag_ms` is how late the load process woke at the ceiling.
    """

    client_ceiling_rps: float
    client_cpu_us_per_request: float
    server_was_the_limit: bool
    floor_ms: Percentiles
    lag_ms: Percentiles
    users: int
    trials: int
    measured: datetime
    machine: Machine

    def holds_for(self, machine: Machine) -> bool:
        """Return whether it was measured on this kind of machine, with the same versions of the client's packages."""
        mine, theirs = self.machine.packages, machine.packages
        return self.machine.matches(machine) and all(
            mine.get(name) == theirs.get(name) for name in PACKAGES_THAT_MATTER
        )


CALIBRATIONS: Final = TypeAdapter(Calibration)


def read_calibration(out: Path, machine: Machine) -> Calibration | None:
    """Return the calibration saved in `out`; None where there is none that holds for this machine."""
    try:
        calibration = CALIBRATIONS.validate_json((out / FILE).read_bytes())
    except (OSError, ValidationError):
        return None
    return calibration if calibration.holds_for(machine) else None
