"""The types that describe what is measured: workload, variant, request, claim.

Standard library only, so that every process can import it without importing FastAPI or a driver.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
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
    """A workload file that cannot be used. The message names the file or the workload, and says what is wrong."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request of a workload's mix.

    Attributes:
        path: what follows `/{workload}/{variant}`.
        expect: the status that counts as a success, which may be a 400.
        weight: how often one round of the mix contains this request.
        method: the HTTP method.
        headers: (name, value) pairs, sent unchanged.
        body: sent unchanged.
    """

    path: str = ""
    expect: int = 200
    weight: int = 1
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence people say, and its test: it holds if `contender` against `baseline` has the verdict `expect`."""

    sentence: str
    source: str
    baseline: str
    contender: str
    expect: Expectation


@dataclass(frozen=True, slots=True)
class Suffers:
    """The known cause of a variant's slowness. `selfcheck --diagnosis` checks that the diagnosis finds it.

    Attributes:
        high: the cause that the diagnosis must rank first under a closed loop of `users`; None: it must name no cause.
        low: the same at a low rate.
        function: the function that the diagnosis must name as the place of the cause; None: any.
        users: the size of the closed loop.
        low_tried: whether the check also runs at the low rate.
    """

    high: str | None = None
    low: str | None = None
    function: str | None = None
    users: int = 64
    low_tried: bool = True


BUSY: Final = Suffers("CPU")
"""A saturated core."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One implementation of a workload.

    Attributes:
        workload: the name of its workload.
        name: its own name, unique within the workload.
        kind: sync, async, blocking or offload.
        handler: the function that FastAPI calls.
        against: the variant to compare it with; None: the default (see `Workload.rival_of`).
        suffers: the known causes of its slowness; None: it does not check the diagnosis.
    """

    workload: str
    name: str
    kind: Kind
    handler: Callable[..., Any]
    against: str | None
    suffers: Suffers | None = None

    @property
    def path(self) -> str:
        """Return the path that the variant is mounted at, without the workload's own route."""
        return f"/{self.workload}/{self.name}"

    @property
    def description(self) -> str:
        """Return the handler's docstring, which says in a sentence or two what this variant does."""
        return inspect.getdoc(self.handler) or ""

    @property
    def file(self) -> str:
        """Return the path of the file that defines the handler."""
        return inspect.getfile(self.handler)

    @property
    def source(self) -> str:
        """Return the handler's source text, decorator included."""
        return inspect.getsource(self.handler)


@dataclass(frozen=True, slots=True)
class Workload:
    """One question asked of the server, with every variant that answers it.

    Attributes:
        name: part of each variant's path.
        question: what a comparison of the variants answers.
        requests: the mix that loads each variant.
        route: what follows `/{workload}/{variant}` in the path template.
        wait_s: the declared wait of one request outside the CPU, in seconds; None where it is not known: then no bound
            follows from it.
        adjustable: whether the settings of the server, or of the upstream service, replace `wait_s`.
        outbound: whether a request holds a connection of the shared outbound pool while it waits.
        needs: the services that the handlers use.
        statement: the SQL statement that each variant runs, or None.
        claims: sentences that a comparison of two variants confirms or refutes.
        responses: documented answers besides the successful one, as FastAPI's `responses`.
        variants: the variants by name; the decorator `variant` fills it.

    Raises:
        WorkloadError: the name cannot be part of a path.
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

    @property
    def file(self) -> str:
        """Return the resolved path of the file that defines the first variant."""
        return str(Path(next(iter(self.variants.values())).file).resolve())

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise WorkloadError(f"{self.name!r} cannot name a workload: use {NAME_RULE}")

    def variant(
        self, kind: Kind, *, name: str | None = None, against: str | None = None, suffers: Suffers | None = None
    ) -> Callable[[Handler], Handler]:
        """Return a decorator that registers a handler as a variant and leaves the handler unchanged.

        Args:
            kind: how the handler works; `sync` is written as `def`, every other kind as `async def`.
            name: the variant's name; by default its kind.
            against: the variant to compare it with; the default is that of `rival_of`.
            suffers: the label for `selfcheck --diagnosis`.

        Raises:
            WorkloadError: the kind is unknown, the name is taken, or the handler is not what its kind says.
        """

        def register(handler: Handler) -> Handler:
            chosen = name or kind
            if kind not in KINDS:
                raise WorkloadError(f"{self.name}/{chosen}: the kind {kind!r} is unknown; use {', '.join(KINDS)}")
            if not NAME.fullmatch(chosen):
                raise WorkloadError(f"{self.name}/{chosen}: {chosen!r} cannot name a variant; use {NAME_RULE}")
            if chosen in self.variants:
                raise WorkloadError(f"{self.name}: two variants are called {chosen!r}; give one of them another name")
            if inspect.iscoroutinefunction(handler) == (kind == "sync"):
                wanted = "def" if kind == "sync" else "async def"
                raise WorkloadError(f"{self.name}/{chosen}: write a variant of kind {kind!r} as `{wanted}`")
            self.variants[chosen] = Variant(self.name, chosen, kind, handler, against, suffers)
            return handler

        return register

    @property
    def baseline(self) -> str:
        """Return the default variant to compare the others with: the one named `sync`, else the first."""
        return "sync" if "sync" in self.variants else next(iter(self.variants))

    def rival_of(self, variant: Variant) -> str | None:
        """Return the name of the variant that this one is compared with; None where it is a baseline itself.

        A variant that names none is compared with the variant named after its kind, or, where that is itself or does
        not exist, with the baseline: `async_connect_each` with `async`, `async` with `sync`.
        """
        if variant.against is not None:
            return variant.against if variant.against != variant.name else None
        if variant.name != variant.kind and variant.kind in self.variants:
            return variant.kind
        return self.baseline if variant.name != self.baseline else None
