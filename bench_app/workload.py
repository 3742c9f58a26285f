"""The vocabulary of what is measured: workload, variant, request, claim, and the discovery of workload files.

Standard library only, so that every process may read it without paying for FastAPI or a driver.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal, TypeVar, get_args

Kind = Literal["sync", "async", "blocking", "offload"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

# A name becomes part of a path, a file and a Locust user class.
NAME: Final = re.compile(r"[a-z][a-z0-9_-]*")
NAME_RULE: Final = "lower-case letters, digits, dashes and underscores, beginning with a letter"

Package = Literal["workloads", "controls", "faults"]
PACKAGES: Final[tuple[Package, ...]] = get_args(Package)
Need = Literal["database", "upstream"]
Expectation = Literal["WIN", "LOSS", "TIE"]

Handler = TypeVar("Handler", bound=Callable[..., Any])


class WorkloadError(Exception):
    """A workload file that cannot be used; the message names the file's workload and what to change."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request of a workload's mix.

    `path` is appended to `/{workload}/{variant}`; `expect` is the status that counts as a success (a declared 400 is
    no error); `weight` is its share of the mix, in whole requests; `headers` and `body` are sent as they stand.
    """

    path: str = ""
    expect: int = 200
    weight: int = 1
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence people say, and the comparison that settles it: `contender` against `baseline` should be `expect`."""

    sentence: str
    source: str
    baseline: str
    contender: str
    expect: Expectation


@dataclass(frozen=True, slots=True)
class Suffers:
    """What a variant suffers from, known beforehand: `selfcheck --diagnosis` tries whether the diagnosis finds it.

    One of the causes `high` must come first under a closed loop of `users`, and one of `low` at a low rate; none means
    that no cause may be named. The low rate is left out where `low_tried` is false. `function` is the one whose lines
    must be blamed.
    """

    high: tuple[str, ...] = ()
    low: tuple[str, ...] = ()
    function: str | None = None
    users: int = 64
    low_tried: bool = True


BUSY: Final = Suffers(high=("CPU", "threads hold the GIL"))
"""A full core. On one core the diagnosis cannot tell apart whether the loop or the threads fill it."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One implementation of a workload. `against` names the variant that it is compared with, None for a baseline.

    `suffers` is what it is known to suffer from; None for a variant that does not check the diagnosis.
    """

    workload: str
    name: str
    kind: Kind
    handler: Callable[..., Any]
    against: str | None
    suffers: Suffers | None = None

    @property
    def path(self) -> str:
        """Where the variant is mounted, without the workload's own route."""
        return f"/{self.workload}/{self.name}"

    @property
    def description(self) -> str:
        """The handler's docstring: what this variant does, in a sentence or two."""
        return inspect.getdoc(self.handler) or ""

    @property
    def source(self) -> str:
        """The handler as it is written, decorator included."""
        return inspect.getsource(self.handler)


@dataclass(frozen=True, slots=True)
class Workload:
    """One question asked of the server, with every variant that answers it.

    `route` is what follows `/{workload}/{variant}` in the path template; `wait_s` is the time, in seconds, that one
    request is declared to wait outside the CPU (None where nobody declares it: then no bound follows from it);
    `adjustable` says that its handlers wait as long as the server's settings, or the upstream's, say instead;
    `outbound` says that the wait is spent on a connection of the shared outbound pool; `statement` is the SQL that each
    variant runs.
    """

    name: str
    question: str
    requests: tuple[Request, ...] = (Request(),)
    route: str = ""
    wait_s: float | None = None
    adjustable: bool = False
    outbound: bool = False
    needs: frozenset[Need] = frozenset()
    statement: str | None = None
    claims: tuple[Claim, ...] = ()
    responses: Mapping[int | str, dict[str, Any]] = field(default_factory=lambda: MappingProxyType({}))
    variants: dict[str, Variant] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise WorkloadError(f"{self.name!r} is no name for a workload: use {NAME_RULE}")

    def variant(
        self, kind: Kind, *, name: str | None = None, against: str | None = None, suffers: Suffers | None = None
    ) -> Callable[[Handler], Handler]:
        """Register a handler as a variant; its name is its kind unless one is given.

        Without `against`, a further variant of a kind (`async_connect_each`) is compared with the plain one of that
        kind, and every plain one with `sync`. `suffers` labels the variant for `selfcheck --diagnosis`.

        Raises:
            WorkloadError: the kind is unknown, the name is taken, or the handler is not what its kind says.
        """

        def register(handler: Handler) -> Handler:
            chosen = name or kind
            if kind not in KINDS:
                raise WorkloadError(f"{self.name}/{chosen}: the kind {kind!r} is none of {', '.join(KINDS)}")
            if not NAME.fullmatch(chosen):
                raise WorkloadError(f"{self.name}/{chosen}: use {NAME_RULE}")
            if chosen in self.variants:
                raise WorkloadError(f"{self.name}: two variants are called {chosen!r}; give one of them another name")
            if inspect.iscoroutinefunction(handler) == (kind == "sync"):
                wanted = "def" if kind == "sync" else "async def"
                raise WorkloadError(f"{self.name}/{chosen}: a variant of kind {kind!r} is written as `{wanted}`")
            rival = against or self._rival(chosen, kind)
            self.variants[chosen] = Variant(self.name, chosen, kind, handler, rival, suffers)
            return handler

        return register

    @staticmethod
    def _rival(name: str, kind: Kind) -> str | None:
        if name != kind:
            return kind
        return None if kind == "sync" else "sync"


def discover(package: Package = "workloads") -> dict[str, Workload]:
    """Every workload of the package by name, in alphabetical order: those that are measured, unless another is named.

    A file takes part by binding a `Workload` to the module's name `workload`; nothing else has to know of it.

    Raises:
        WorkloadError: a file does not import, binds no workload, names a twin that does not exist, or repeats a name.
    """
    folder = importlib.import_module(f"bench_app.{package}")
    found: dict[str, Workload] = {}
    for module_info in pkgutil.iter_modules(folder.__path__):
        where = f"bench_app/{package}/{module_info.name}.py"
        try:
            module = importlib.import_module(f"bench_app.{package}.{module_info.name}")
        except WorkloadError as error:
            raise WorkloadError(f"{where}: {error}") from error
        except (Exception, SystemExit) as error:
            raise WorkloadError(f"{where} does not import: {type(error).__name__}: {error}") from error
        workload = getattr(module, "workload", None)
        if not isinstance(workload, Workload):
            raise WorkloadError(f"{where} binds no `workload`; write `workload = Workload(name=…, question=…)`")
        if workload.name in found:
            raise WorkloadError(f"{where}: another file already has a workload called {workload.name!r}")
        _check(workload, where)
        found[workload.name] = workload
    return dict(sorted(found.items()))


def _check(workload: Workload, where: str) -> None:
    if not workload.variants:
        raise WorkloadError(f"{where}: the workload has no variant; decorate a handler with @workload.variant(…)")
    if not workload.requests or any(request.weight < 1 for request in workload.requests):
        raise WorkloadError(f"{where}: `requests` needs at least one request, each of weight 1 or more")
    declared = {name for claim in workload.claims for name in (claim.baseline, claim.contender)}
    unknown = sorted(declared - workload.variants.keys())
    if unknown:
        raise WorkloadError(f"{where}: a claim names {unknown[0]!r}, which is no variant of this workload")
