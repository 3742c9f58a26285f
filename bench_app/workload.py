"""The vocabulary of what is measured: workload, variant, request, claim, and the discovery of workload files.

Standard library only, so that every process may read it without paying for FastAPI or a driver.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType, ModuleType
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
    """One implementation of a workload. `against` names the variant that it is to be compared with, if it names one.

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
    def file(self) -> str:
        """The file that defines the handler."""
        return inspect.getfile(self.handler)

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

    @property
    def file(self) -> str:
        """The file of its first variant."""
        return str(Path(next(iter(self.variants.values())).file).resolve())

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise WorkloadError(f"{self.name!r} is no name for a workload: use {NAME_RULE}")

    def variant(
        self, kind: Kind, *, name: str | None = None, against: str | None = None, suffers: Suffers | None = None
    ) -> Callable[[Handler], Handler]:
        """Register a handler as a variant; its name is its kind unless one is given.

        Without `against`, a further variant of a kind (`async_connect_each`) is compared with the plain one of that
        kind where there is one, and every other one with the baseline. `suffers` labels the variant for
        `selfcheck --diagnosis`.

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
            self.variants[chosen] = Variant(self.name, chosen, kind, handler, against, suffers)
            return handler

        return register

    @property
    def baseline(self) -> str:
        """The variant that the others are compared with unless they name one: the plain `sync`, else the first."""
        return "sync" if "sync" in self.variants else next(iter(self.variants))

    def rival_of(self, variant: Variant) -> str | None:
        """Return the variant that this one is compared with; None for the baseline."""
        if variant.against is not None:
            return variant.against if variant.against != variant.name else None
        if variant.name != variant.kind and variant.kind in self.variants:
            return variant.kind
        return self.baseline if variant.name != self.baseline else None


def discover(package: Package = "workloads", folder: Path | None = None) -> dict[str, Workload]:
    """Return every workload of the package by name, in alphabetical order, with those of a folder outside of it.

    A file takes part by binding a `Workload` to the module's name `workload`; nothing else has to know of it.

    Raises:
        WorkloadError: a file does not import, binds no workload, compares with a variant that it has not, or repeats a
            name; or the folder is missing, or holds no workload file.
    """
    found: dict[str, Workload] = {}
    for module_info in pkgutil.iter_modules(importlib.import_module(f"bench_app.{package}").__path__):
        name = f"bench_app.{package}.{module_info.name}"
        _add(found, f"bench_app/{package}/{module_info.name}.py", partial(importlib.import_module, name))
    for path in _files_in(folder) if folder is not None else ():
        _add(found, str(path), partial(_import_file, path))
    return dict(sorted(found.items()))


def names_in(folder: Path, known: Mapping[str, Workload]) -> tuple[str, ...]:
    """Return the names of the workloads whose files are in this folder."""
    files = {str(path.resolve()) for path in _files_in(folder)}
    return tuple(name for name, workload in known.items() if workload.file in files)


def _files_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise WorkloadError(f"--workloads {folder} is no directory: give one that holds workload files.")
    files = sorted(path for path in folder.glob("*.py") if not path.name.startswith("_"))
    if not files:
        raise WorkloadError(f"--workloads {folder} holds no workload file: put a .py file there that binds `workload`.")
    return files


def _import_file(path: Path) -> ModuleType:
    """Import a file from outside of the package, under a name that no package has."""
    name = f"bench_workloads_{path.stem}"
    if name in sys.modules and sys.modules[name].__file__ == str(path):
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _add(found: dict[str, Workload], where: str, load: Callable[[], ModuleType]) -> None:
    try:
        module = load()
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


def _check(workload: Workload, where: str) -> None:
    if not workload.variants:
        raise WorkloadError(f"{where}: the workload has no variant; decorate a handler with @workload.variant(…)")
    if not workload.requests or any(request.weight < 1 for request in workload.requests):
        raise WorkloadError(f"{where}: `requests` needs at least one request, each of weight 1 or more")
    declared = {name for claim in workload.claims for name in (claim.baseline, claim.contender)}
    unknown = sorted(declared - workload.variants.keys())
    if unknown:
        raise WorkloadError(f"{where}: a claim names {unknown[0]!r}, which is no variant of this workload")
    for variant in workload.variants.values():
        if variant.against is not None and variant.against not in workload.variants:
            raise WorkloadError(
                f"{where}: {variant.name} is compared with {variant.against!r}, which is no variant of this workload"
            )
