"""The knobs of the measured server: what a run may set, or vary, while the handlers stay the same.

The table of knobs is the class `Knobs`: each of its fields is a knob, with its usual value, its label, its help and how
it reaches the server. The options of `run`, and the environment and command line of the server, are derived from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import product
from typing import Any, Final, Literal, get_args

from bench_app.settings import EXECUTOR_THREADS, THREAD_TOKENS, Settings
from bench_app.workload import Need
from harness.exceptions import BadInputError, in_range, unknown

LoopName = Literal["uvloop", "asyncio"]
HttpName = Literal["httptools", "h11"]


@dataclass(frozen=True, slots=True)
class Knob:
    """How one knob is named, set and shown.

    Tables show `label`. Levels show `spelled`, with the value for {} and a plural s for {s}. A knob takes whole numbers
    from 1 to `highest`, or one of `choices`. It reaches the server as the environment variable `environment`, or, where
    that is None, as uvicorn's own option of the knob's name. A knob that `needs` a service has no effect without it.
    """

    label: str
    spelled: str
    help: str
    highest: int = 0
    choices: tuple[str, ...] = ()
    environment: str | None = None
    needs: Need | None = None


def _knob(usual: Any, **described: Any) -> Any:
    return field(default=usual, metadata={"knob": Knob(**described)})


@dataclass(frozen=True, slots=True)
class Knobs:
    """One setting of all knobs.

    `threads` is the number of threads that the default limiter of each event loop admits, `executor` that of asyncio's
    executor. `pool_size` is the number of
    connections in each database pool of each worker: the async pool and the blocking pool.
    """

    threads: int = _knob(
        THREAD_TOKENS,
        label="thread tokens",
        spelled="{} thread{s}",
        help="Thread tokens of the server. Give several, as in 20,40,80, to compare them.",
        highest=1_000,
        environment="BENCH_THREADS",
    )
    pool_size: int = _knob(
        Settings().pool_size,
        label="database pool size",
        spelled="pool of {}",
        help="Connections in each database pool. Several are compared.",
        highest=500,
        environment="BENCH_POOL_SIZE",
        needs="database",
    )
    executor: int = _knob(
        EXECUTOR_THREADS,
        label="executor threads",
        spelled="executor of {}",
        help="Threads of asyncio's executor, for asyncio.to_thread. Several are compared.",
        highest=1_000,
        environment="BENCH_EXECUTOR",
    )
    workers: int = _knob(
        1,
        label="workers",
        spelled="{} worker{s}",
        help="Worker processes of the server. Several are compared.",
        highest=32,
        environment="BENCH_WORKERS",
    )
    loop: LoopName = _knob(
        "uvloop",
        label="event loop",
        spelled="{} loop",
        help="Event loop of the server: uvloop, asyncio, or both.",
        choices=get_args(LoopName),
    )
    http: HttpName = _knob(
        "httptools",
        label="HTTP parser",
        spelled="{} parser",
        help="HTTP parser of the server: httptools, h11, or both.",
        choices=get_args(HttpName),
    )

    def __str__(self) -> str:
        """Return the knobs that differ from the usual setting, in words; empty where none differs."""
        return ", ".join(spelled(name, getattr(self, name)) for name in differing(self, USUAL))

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that set the server's knobs."""
        return {knob.environment: str(getattr(self, name)) for name, knob in KNOBS.items() if knob.environment}


KNOBS: Final[Mapping[str, Knob]] = {each.name: each.metadata["knob"] for each in fields(Knobs)}
USUAL: Final = Knobs()


def spelled(name: str, value: object) -> str:
    """Return one knob with its value, as a level shows it."""
    return KNOBS[name].spelled.format(value, s="" if value == 1 else "s")


def differing(one: Knobs, other: Knobs) -> list[str]:
    """Return the names of the knobs whose values differ between the two settings."""
    return [name for name in KNOBS if getattr(one, name) != getattr(other, name)]


def varied(settings: Iterable[Knobs]) -> list[str]:
    """Return the names of the knobs that have several values among the settings."""
    found = list(settings)
    return [name for name in KNOBS if len({getattr(knobs, name) for knobs in found}) > 1]


def make_knobs(asked: Mapping[str, Sequence[str | int]]) -> tuple[Knobs, ...]:
    """Return every combination of the values in `asked`, by knob name; a knob without values has its usual one.

    Raises:
        BadInputError: a value is out of range or unknown.
    """
    values = {name: _values(name, asked.get(name, ())) for name in KNOBS}
    return tuple(Knobs(**dict(zip(values, each, strict=True))) for each in product(*values.values()))


def _values(name: str, asked: Sequence[str | int]) -> list[Any]:
    knob, option = KNOBS[name], f"--{name.replace('_', '-')}"
    if not asked:
        return [getattr(USUAL, name)]
    if knob.choices:
        for value in asked:
            if value not in knob.choices:
                raise unknown(knob.label, str(value), knob.choices)
        return list(dict.fromkeys(asked))
    try:
        numbers = [int(value) for value in asked]
    except ValueError:
        listed = ",".join(map(str, asked))
        raise BadInputError(f"{option} {listed} is not a list of whole numbers: write 64, or 8,64,256.") from None
    return list(dict.fromkeys(in_range(option, number, 1, knob.highest) for number in numbers))


def check_needed(settings: Sequence[Knobs], available: Iterable[Need]) -> None:
    """Refuse to vary a knob that no workload uses.

    Raises:
        BadInputError: a knob has several values, and no workload uses the service that it needs.
    """
    there = set(available)
    for name in varied(settings):
        need = KNOBS[name].needs
        if need is not None and need not in there:
            raise BadInputError(
                f"--{name.replace('_', '-')} sets the {need} pools, and none of these workloads uses a {need}."
            )
