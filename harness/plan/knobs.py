"""The knobs of the measured server: what a run may set, or vary, while the handlers stay the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from itertools import product
from typing import Final, Literal, get_args

from bench_app.settings import THREAD_TOKENS, Settings
from harness.exceptions import BadInputError, in_range, unknown

LoopName = Literal["uvloop", "asyncio"]
HttpName = Literal["httptools", "h11"]
MAX_THREADS: Final = 1_000
MAX_POOL: Final = 500
MAX_WORKERS: Final = 32


@dataclass(frozen=True, slots=True)
class Knobs:
    """One setting of all knobs.

    `threads` is what each event loop's default limiter admits, `pool_size` the size of each worker's database pools,
    of the async one and of the blocking one alike.
    """

    threads: int = THREAD_TOKENS
    pool_size: int = Settings().pool_size
    workers: int = 1
    loop: LoopName = "uvloop"
    http: HttpName = "httptools"

    def __str__(self) -> str:
        """What differs from the usual setting; empty where nothing does."""
        return ", ".join(spelled(name, getattr(self, name)) for name in differing(self, Knobs()))


USUAL: Final = Knobs()
LABELS: Final = {
    "threads": "thread tokens",
    "pool_size": "database pool size",
    "workers": "workers",
    "loop": "event loop",
    "http": "HTTP parser",
}


def spelled(name: str, value: object) -> str:
    """One knob with its value, as it stands beside a level."""
    plural = "" if value == 1 else "s"
    return {
        "threads": f"{value} thread{plural}",
        "pool_size": f"pool of {value}",
        "workers": f"{value} worker{plural}",
        "loop": f"{value} loop",
        "http": f"{value} parser",
    }[name]


def differing(one: Knobs, other: Knobs) -> list[str]:
    """The names of the knobs that the two settings have at different values."""
    return [each.name for each in fields(Knobs) if getattr(one, each.name) != getattr(other, each.name)]


def varied(settings: Iterable[Knobs]) -> list[str]:
    """The names of the knobs of which there are several values."""
    found = list(settings)
    return [each.name for each in fields(Knobs) if len({getattr(knobs, each.name) for knobs in found}) > 1]


def make_knobs(
    threads: Sequence[int] = (),
    pool_sizes: Sequence[int] = (),
    workers: Sequence[int] = (),
    loops: Sequence[str] = (),
    parsers: Sequence[str] = (),
) -> tuple[Knobs, ...]:
    """Every combination of the values that were asked for; the usual one where none was.

    Raises:
        BadInputError: a value is out of range or unknown.
    """
    for name in loops:
        if name not in get_args(LoopName):
            raise unknown("event loop", name, get_args(LoopName))
    for name in parsers:
        if name not in get_args(HttpName):
            raise unknown("HTTP parser", name, get_args(HttpName))
    values: tuple[Sequence[int | str], ...] = (
        [in_range("--threads", count, 1, MAX_THREADS) for count in threads] or [USUAL.threads],
        [in_range("--pool-size", size, 1, MAX_POOL) for size in pool_sizes] or [USUAL.pool_size],
        [in_range("--workers", count, 1, MAX_WORKERS) for count in workers] or [USUAL.workers],
        loops or [USUAL.loop],
        parsers or [USUAL.http],
    )
    chosen = product(*(dict.fromkeys(each) for each in values))
    return tuple(Knobs(*each) for each in chosen)  # type: ignore[arg-type]  # checked above, value by value


def check_needed(settings: Sequence[Knobs], *, database: bool) -> None:
    """Refuse what would vary something that nobody uses.

    Raises:
        BadInputError: several pool sizes, and no workload that has a pool.
    """
    if "pool_size" in varied(settings) and not database:
        raise BadInputError("--pool-size is of the database pools, and none of these workloads uses a database.")
