"""The options of the command line: parsed once, checked once, and passed whole.

A field has the name of its option. To add an option of a command, add a field here and a parameter in `bench.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError, ValidationInfo
from pydantic import model_validator as after_all

from harness.exceptions import BadInputError, in_range, unknown
from harness.plan.address import EVERYWHERE, Meeting, host_and_port
from harness.plan.knobs import KNOBS, USUAL, Knobs, make_knobs
from harness.plan.level import ARRIVALS, MAX_RATE, MAX_USERS, MIN_RATE
from harness.plan.plan import MARGIN, MAX_BLOCKS
from harness.plan.profile import PROFILES

MAX_LOAD_PROCESSES: Final = 64
MAX_REPEATS: Final = 50
MIN_SECONDS, MAX_SECONDS = 0.1, 3_600.0
MIN_MARGIN, MAX_MARGIN = 0.001, 1.0
WITH_RESUME: Final = frozenset({"resume", "dsn", "port", "out"})
# A block of a crossover is a pair, and one pair has no interval.
FEWEST_PAIRS: Final = 2


SPELLED_OTHERWISE: Final = {"workloads_dir": "--workloads", "span": "--range"}


def option_of(name: str | None) -> str:
    """Return the option of a field: --max-blocks for `max_blocks`."""
    return SPELLED_OTHERWISE.get(name or "", f"--{(name or '').replace('_', '-')}")


def listed(value: object) -> object:
    """Split a comma-separated text into a tuple; None becomes an empty tuple, and any other value stays as it is.

    Raises:
        BadInputError: the text contains no item.
    """
    if not isinstance(value, str):
        return () if value is None else value
    parts = tuple(part.strip() for part in value.split(",") if part.strip())
    if not parts:
        raise BadInputError(
            "An option that takes a list was given an empty one: give at least one value, or leave the option out."
        )
    return parts


def _numbers(convert: Callable[[str], float], kind: str, example: str) -> Callable[[object, ValidationInfo], object]:
    def parse(value: object, info: ValidationInfo) -> object:
        parts = listed(value)
        if not isinstance(value, str) or not isinstance(parts, tuple):
            return parts
        try:
            return tuple(convert(part) for part in parts)
        except ValueError:
            option = option_of(info.field_name)
            raise BadInputError(f"{option} {value} is not a list of {kind}: write {example}.") from None

    return parse


def _within(low: float, high: float) -> AfterValidator:
    def check(value: Any, info: ValidationInfo) -> Any:
        for each in value if isinstance(value, tuple) else () if value is None else (value,):
            in_range(option_of(info.field_name), each, low, high)
        return value

    return AfterValidator(check)


def _known(noun: str, names: Mapping[str, object]) -> AfterValidator:
    def check(value: str) -> str:
        if value not in names:
            raise unknown(noun, value, names)
        return value

    return AfterValidator(check)


Names = Annotated[tuple[str, ...], BeforeValidator(listed)]
Users = Annotated[
    tuple[int, ...], BeforeValidator(_numbers(int, "whole numbers", "64, or 8,64,256")), _within(1, MAX_USERS)
]
Rates = Annotated[
    tuple[float, ...], BeforeValidator(_numbers(float, "numbers", "200, or 200,500")), _within(MIN_RATE, MAX_RATE)
]
Seconds = Annotated[float | None, _within(MIN_SECONDS, MAX_SECONDS)]
Warmup = Annotated[float | None, _within(0, MAX_SECONDS)]
Margin = Annotated[
    float, BeforeValidator(lambda value: MARGIN if value is None else value), _within(MIN_MARGIN, MAX_MARGIN)
]
Port = Annotated[int | None, _within(1, 65_535)]


class Options(BaseModel):
    """The options of one command. `command` is the command line that the user typed, without its secrets."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    command: str = ""
    dsn: str | None = None
    out: Path = Path("reports")

    @classmethod
    def of(cls, values: Mapping[str, Any], **more: Any) -> Self:
        """Return the options with these values.

        Raises:
            BadInputError: there is no such option, or a value cannot be used.
        """
        try:
            return cls.model_validate(dict(values) | more)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            option = option_of(".".join(str(part) for part in first["loc"]))
            if first["type"] == "extra_forbidden":
                raise unknown("option", option, map(option_of, cls.model_fields)) from None
            raise BadInputError(f"{option} cannot be used: {first['msg']}.") from None


class RunOptions(Options):
    """The options of `run`. Empty `workloads` and `variants` mean all of them.

    Where a profile gives a value, None takes that value. `settings` are the settings of the server's knobs. `asked`
    holds the names of the options that the user typed.
    """

    workloads: tuple[str, ...] = ()
    workloads_dir: Path | None = None
    profile: Annotated[str, _known("profile", PROFILES)] = "quick"
    users: Users = ()
    rate: Rates = ()
    arrivals: Annotated[str, _known("schedule of arrivals", ARRIVALS)] = "constant"
    think_ms: Annotated[float, _within(0, MAX_SECONDS * 1000)] = 0.0
    iso_rate: Annotated[float | None, _within(0, 1)] = None
    variants: Names = ()
    blocks: Annotated[int | None, _within(1, MAX_BLOCKS)] = None
    max_blocks: int | None = None
    seconds: Seconds = None
    warmup: Warmup = None
    fresh_server: bool | None = None
    margin: Margin = MARGIN
    plan_only: bool = False
    probe: bool = True
    diagnose: bool | None = None
    confirm: bool = False
    settings: tuple[Knobs, ...] = (USUAL,)
    seed: int = 1
    load_processes: Annotated[int, _within(1, MAX_LOAD_PROCESSES)] = 1
    master_bind: str | None = None
    expect_workers: Annotated[int | None, _within(1, MAX_LOAD_PROCESSES)] = None
    target: tuple[str, ...] = ()
    resume: Path | None = None
    port: Port = None
    asked: frozenset[str] = frozenset()

    @classmethod
    def of_command_line(cls, values: Mapping[str, Any], *, asked: frozenset[str], command: str) -> RunOptions:
        """Return the options from the parameters of the command line, which include the knobs.

        Raises:
            BadInputError: a value cannot be used, or two contradict each other.
        """
        plain = {name: value for name, value in values.items() if name not in KNOBS and value is not None}
        knobs = {name: _as_list(values[name]) for name in KNOBS if values.get(name) is not None}
        return cls.of(plain, settings=make_knobs(knobs), asked=asked, command=command)

    @after_all(mode="after")
    def _agree(self) -> Self:
        """Refuse options that contradict each other."""
        if self.resume is not None:
            if others := sorted(self.asked - WITH_RESUME):
                spelled = "names of workloads" if others[0] == "workloads" else option_of(others[0])
                raise BadInputError(
                    f"{spelled} and --resume exclude each other: a run goes on by its own plan, so leave {spelled} out."
                )
            return self
        if self.target and (self.dsn is not None or self.port is not None):
            raise BadInputError("--target is a running server: --dsn and --port are for a server that the run starts.")
        if self.diagnose and not self.probe:
            raise BadInputError("--diagnose needs the probe, which --no-probe switches off: leave one of the two out.")
        if self.target and (knobs := [name for name in KNOBS if name in self.asked]):
            raise BadInputError(
                f"--target is a running server: {option_of(knobs[0])} is for a server that the run starts."
            )
        if not self.probe and any(knobs.workers > 1 for knobs in self.settings):
            raise BadInputError(
                "--workers needs the probe, by which each worker reports its start: leave --no-probe out."
            )
        if self.confirm and (self.target or not self.probe or self.diagnose is False):
            raise BadInputError(
                "--confirm applies the setting that a diagnosis recommends: leave out --no-diagnose, --no-probe and "
                "--target."
            )
        if self.rate and len(set(self.users)) > 1:
            raise BadInputError(
                "--rate is for an open loop, where --users bounds the connections: give one number of users."
            )
        if self.rate and self.think_ms:
            raise BadInputError(
                "--think-ms is for a closed loop: with --rate, the schedule decides when a request is due."
            )
        if self.iso_rate and (self.rate or len(self.settings) > 1):
            raise BadInputError(
                "--iso-rate adds a step to a closed loop with one setting of the server: leave it out with --rate, or "
                "with several values of a knob."
            )
        if self.max_blocks is not None:
            in_range("--max-blocks", self.max_blocks, self.blocks or PROFILES[self.profile].blocks, MAX_BLOCKS)
        self.meeting  # noqa: B018  # raises where its two options contradict each other
        return self

    @property
    def meeting(self) -> Meeting | None:
        """The address at which workers of other machines join; None where none join.

        Raises:
            BadInputError: one of the two options was given without the other, or they cannot be used.
        """
        bind, workers = self.master_bind, self.expect_workers
        if bind is None and workers is None:
            return None
        if bind is None or workers is None:
            raise BadInputError("--master-bind and --expect-workers belong together: give both, or neither.")
        if self.load_processes != 1:
            raise BadInputError(
                "--load-processes start on this machine, --expect-workers on other machines: give one of the two."
            )
        host, port = host_and_port("--master-bind", bind)
        if host in EVERYWHERE:
            raise BadInputError(
                f"--master-bind {host} would listen on every address: give the address of this machine that the "
                "workers connect to."
            )
        return Meeting(host, port, workers)

    @property
    def collects(self) -> bool:
        """Whether the run collects telemetry, which only a server that the run starts provides."""
        return self.probe and not self.target

    @property
    def profiles(self) -> bool:
        """Whether the run first profiles each variant on an instrumented server."""
        return self.collects and self.diagnose is not False


class CapacityOptions(Options):
    """The options of `capacity`."""

    workload: str
    slo: str
    variants: Names = ()
    connections: Annotated[int, _within(1, MAX_USERS)] = 256
    repeats: Annotated[int, _within(1, MAX_REPEATS)] = 5
    seconds: Seconds = 2.0
    seed: int = 1

    @property
    def run(self) -> RunOptions:
        """The equivalent options of `run`: one workload at one level."""
        return RunOptions(
            workloads=(self.workload,),
            variants=self.variants,
            users=(self.connections,),
            seconds=self.seconds,
            seed=self.seed,
        )


class CrossoverOptions(Options):
    """The options of `crossover`. `span` is the text of --range."""

    workload: str
    baseline: str
    contender: str
    over: str
    span: str | None = None
    users: Annotated[int | None, _within(1, MAX_USERS)] = None
    blocks: Annotated[int, _within(FEWEST_PAIRS, MAX_BLOCKS)] = 4
    seconds: Seconds = 0.7
    warmup: Warmup = 0.3
    margin: Margin = MARGIN
    seed: int = 1

    @after_all(mode="after")
    def _agree(self) -> Self:
        """Refuse options that contradict each other."""
        if self.baseline == self.contender:
            raise BadInputError(f"{self.baseline} was given twice: give two variants.")
        if self.over == "users" and self.users is not None:
            raise BadInputError(
                "--over users varies the number of users: leave --users out, and give the limits with --range."
            )
        return self

    def run(self, users: int) -> RunOptions:
        """Return the equivalent options of `run`, with `users` users: the most that the command will need."""
        return RunOptions(
            workloads=(self.workload,),
            variants=(self.baseline, self.contender),
            users=(users,),
            blocks=self.blocks,
            seconds=self.seconds,
            warmup=self.warmup,
            margin=self.margin,
            seed=self.seed,
        )


def _as_list(value: Any) -> Sequence[str | int]:
    parts = listed(value)
    return parts if isinstance(parts, tuple) else (value,)
