"""Two faults at once: whether both are named, and whether their shares are those that each adds alone. Asserts nothing.

python -m tests.benchmarks.mixtures

Ten mixtures, drawn from a seed: a variant with a limit that requests queue for, and a neighbour that holds the
event loop. Each is tried three times: the limit alone, the neighbour alone (beside a load below the limit), and both.
"""

from __future__ import annotations

import random
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from bench_app.discovery import discover
from harness.causes.diagnosis import Diagnosis, diagnose
from harness.causes.symptoms import Symptoms, symptoms_of
from harness.machine.placement import place, taking_place, usable_cores
from harness.measure.rig import Rig, Setup, open_rig
from harness.plan.level import Level
from harness.plan.options import RunOptions
from harness.plan.plan import Trial, Window
from harness.plan.planning import make_plan
from harness.plan.schedule import Schedule
from harness.record.run import RecordedTrial
from harness.report.announcer import Announcer
from scenarios.wire.protocol import OpenLoop
from tests.neighbour import beside

SEED: Final = 20261125
MIXTURES: Final = 10
ALONE: Final = Window(warmup_s=0.2, window_s=1.0)
LOADED: Final = Window(warmup_s=0.5, window_s=4.0, drain_s=5.0)
NEAR: Final = 0.15
"""A share that is this near to what the fault adds alone counts as right."""


@dataclass(frozen=True, slots=True)
class Limited:
    """A variant whose requests queue for a cause from `fewest` users on; `below` users do not."""

    name: str
    cause: str
    below: int
    fewest: int
    most: int


LIMITED: Final = (
    Limited("handed/sync", "thread limit", 36, 44, 60),
    Limited("handed/asyncio", "executor limit", 5, 7, 10),
    Limited("limited/semaphore", "own limit", 3, 5, 9),
    Limited("limited/tools", "own limit", 3, 5, 9),
    Limited("kept/kept", "kept too long", 13, 17, 24),
    Limited("pool/async", "database pool", 8, 12, 18),
)
HOLDERS: Final = (
    ("/hidden/depended", "loop blocked"),
    ("/hashed/digest_on_loop", "loop computing"),
    ("/logged/blocking", "loop blocked"),
)


@dataclass(frozen=True, slots=True)
class Mixture:
    """One mixture: the limited variant at `users`, and how often a second the neighbour is asked."""

    limited: Limited
    users: int
    path: str
    cause: str
    rate_rps: float


def drawn(draw: random.Random) -> Mixture:
    """Return a mixture in which the loop is held for a fifth to a third of the time."""
    limited, (path, cause) = draw.choice(LIMITED), draw.choice(HOLDERS)
    held_s = 0.005 if path == "/logged/blocking" else 0.02
    users = draw.randint(limited.fewest, limited.most)
    return Mixture(limited, users, path, cause, draw.uniform(0.2, 0.33) / held_s)


class Tries:
    """The trials of the mixtures on one rig."""

    def __init__(self, rig: Rig, folder: Path) -> None:
        self._rig = rig
        self._folder = folder

    def seen(self, name: str, users: int, window: Window, neighbour: Mixture | None = None) -> Symptoms | None:
        """Return the symptoms of a variant, alone or beside the neighbour of a mixture."""
        workload, variant = name.split("/")
        trial = Trial(1, 0, workload, variant, Level(users))
        if neighbour is None:
            observed = self._rig.run(trial, window, diagnose=True)
        else:
            assert self._rig.server is not None
            load = OpenLoop(16, neighbour.rate_rps, "poisson", SEED)
            lasts_s = window.warmup_s + window.window_s
            with beside(self._rig.server.port, self._folder, neighbour.path, load, lasts_s=lasts_s + 0.5):
                observed = self._rig.run(trial, window, diagnose=True)
        return symptoms_of(RecordedTrial(trial, observed.result, None, observed.telemetry), f"/{name}")


def shares_of(found: Diagnosis, mixture: Mixture) -> tuple[float, float]:
    """Return the shares of the two causes."""
    named = {each.name: each.share or 0.0 for each in found.causes}
    return named.get(mixture.limited.cause, 0.0), named.get(mixture.cause, 0.0)


def main() -> None:
    """Try the mixtures, and print for each the shares that were found beside those that each fault adds alone."""
    draw, console = random.Random(SEED), Console(highlight=False)
    mixtures = [drawn(draw) for _ in range(MIXTURES)]
    made = make_plan(discover("faults"), RunOptions(diagnose=True))
    schedule, setup = Schedule(replace(made, package="faults")), Setup(place(usable_cores()))
    table = Table(title="shares of the queueing delay: found (added by each alone)")
    for heading in ("variant", "users", "beside", "limit", "loop", "both named", "within 15 points"):
        table.add_column(heading, justify="right")
    named = near = 0
    with tempfile.TemporaryDirectory() as folder, taking_place(setup.placement):
        with open_rig(schedule, setup, Announcer(console), Path(folder)) as rig:
            tries = Tries(rig, Path(folder))
            for mixture in mixtures:
                limited = mixture.limited
                alone = tries.seen(limited.name, 1, ALONE)
                queue = diagnose(alone, tries.seen(limited.name, mixture.users, LOADED)).queueing_s
                loop = diagnose(alone, tries.seen(limited.name, limited.below, LOADED, mixture)).queueing_s
                found = diagnose(alone, tries.seen(limited.name, mixture.users, LOADED, mixture))
                limit_share, loop_share = shares_of(found, mixture)
                expected = queue / (queue + loop) if queue + loop > 0 else 0.0
                both = min(limit_share, loop_share) > 0
                right = max(abs(limit_share - expected), abs(loop_share - (1 - expected))) <= NEAR
                named, near = named + both, near + right
                row = (limited.name, str(mixture.users), f"{mixture.path} {mixture.rate_rps:.0f}/s")
                shares = (f"{limit_share:.0%} ({expected:.0%})", f"{loop_share:.0%} ({1 - expected:.0%})")
                table.add_row(*row, *shares, "yes" if both else "no", "yes" if right else "no")
    console.print(table)
    console.print(f"both named in {named} of {MIXTURES}, shares within 15 points in {near} of {MIXTURES}")


if __name__ == "__main__":
    main()
