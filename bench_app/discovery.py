"""Finds workload files: those of this package, and those of a folder of the user's own."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import ModuleType

from bench_app.workload import Package, Workload, WorkloadError


def discover(package: Package = "workloads", folder: Path | None = None) -> dict[str, Workload]:
    """Return every workload of the package, and of an optional folder outside of it, by name in alphabetical order.

    Discovery imports every file and takes the `Workload` that its module calls `workload`. A new file needs no other
    change.

    Raises:
        WorkloadError: a file cannot be imported, defines no workload, compares with a variant that does not exist, or
            repeats a name; or the folder is missing or contains no workload file.
    """
    found: dict[str, Workload] = {}
    for module_info in pkgutil.iter_modules(importlib.import_module(f"bench_app.{package}").__path__):
        name = f"bench_app.{package}.{module_info.name}"
        _add(found, f"bench_app/{package}/{module_info.name}.py", partial(importlib.import_module, name))
    for path in _files_in(folder) if folder is not None else ():
        _add(found, str(path), partial(_import_file, path))
    return dict(sorted(found.items()))


def names_in(folder: Path, known: Mapping[str, Workload]) -> tuple[str, ...]:
    """Return the names of those known workloads whose files are in this folder.

    Raises:
        WorkloadError: the folder is missing or contains no workload file.
    """
    files = {str(path.resolve()) for path in _files_in(folder)}
    return tuple(name for name, workload in known.items() if workload.file in files)


def _files_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise WorkloadError(f"--workloads {folder} is not a directory: give one that contains workload files.")
    files = sorted(path for path in folder.glob("*.py") if not path.name.startswith("_"))
    if not files:
        raise WorkloadError(f"--workloads {folder} contains no workload file: add a .py file that defines `workload`.")
    return files


def _import_file(path: Path) -> ModuleType:
    """Import a file from outside of the package, under a module name that no package uses."""
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
        raise WorkloadError(f"{where} cannot be imported: {type(error).__name__}: {error}") from error
    workload = getattr(module, "workload", None)
    if not isinstance(workload, Workload):
        raise WorkloadError(f"{where} defines no `workload`; write `workload = Workload(name=…, question=…)`")
    if workload.name in found:
        raise WorkloadError(f"{where}: another file already has a workload called {workload.name!r}; rename one")
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
        raise WorkloadError(f"{where}: a claim names {unknown[0]!r}, which is not a variant of this workload")
    for variant in workload.variants.values():
        if variant.against is not None and variant.against not in workload.variants:
            raise WorkloadError(
                f"{where}: {variant.name} is compared with {variant.against!r}, which is not a variant of this workload"
            )
