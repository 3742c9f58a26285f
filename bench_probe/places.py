"""Places: where requests wait for something that other requests hold, and who holds it at which site meanwhile.

Nothing of a lock, semaphore, queue or pool is read. That a call waits for its turn is known by its name. Who holds what
others wait for follows from the code: it stands in the body of the `with` statement at whose head they wait, or it has
passed their line.
"""

from __future__ import annotations

import ast
import inspect
import linecache
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any, Final

from bench_probe.application import Application, line_of, source_of
from bench_probe.flight import Flight
from bench_probe.task_frames import generators_of
from bench_probe.wait_site import Leaf, WaitSite

MOST_HOLDERS: Final = 16
PLACES: Final = {
    str(Path("asyncio", "locks.py")): frozenset({"acquire", "wait", "wait_for"}),
    str(Path("asyncio", "queues.py")): frozenset({"get", "put", "join"}),
    str(Path("logging", "__init__.py")): frozenset({"acquire"}),
    str(Path("anyio", "_core", "_synchronization.py")): frozenset({"acquire", "wait"}),
    str(Path("anyio", "_backends", "_asyncio.py")): frozenset({"acquire", "acquire_on_behalf_of", "wait"}),
    str(Path("httpcore", "_synchronization.py")): frozenset({"wait", "acquire"}),
}
"""Functions in which a task or thread waits for its turn, by the end of the file's name."""
THREAD_PLACES: Final = (str(Path("/threading.py")), str(Path("/queue.py")))
RESULTS: Final = str(Path("futures", "_base.py"))
FRAMEWORKS: Final = frozenset({"anyio", "fastapi", "starlette", "uvicorn", "uvloop"})
PlaceKey = tuple[str, str, int]
"""A place is known by the route of those who wait, and by the file and line of the application's own at it."""


@dataclass(slots=True)
class Place:
    """A place that requests wait at, and those that hold what they wait for. Times are in seconds of requests.

    Attributes:
        site: where the requests wait.
        library: the installed package that hands it out; empty where the application or the standard library does.
        contended: how long any request waited there, in seconds.
        waiting: the waits of all requests.
        holding: how long requests held what others waited for.
        inside: the part of that in which they stood in the function that took it.
        used: the part of that in calls into the library that hands it out.
        queued: the part of that in which the holders waited for a thread.
        holders: the sites of the holders.
    """

    site: WaitSite
    library: str
    contended: float = 0.0
    waiting: float = 0.0
    holding: float = 0.0
    inside: float = 0.0
    used: float = 0.0
    queued: float = 0.0
    holders: Counter[WaitSite] = field(default_factory=Counter)


class Places:
    """The places of an application."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._places: dict[PlaceKey, Place] = {}
        self._passed: dict[tuple[str, int], set[str]] = {}

    def totals(self) -> list[dict[str, Any]]:
        """Return the times of each place so far, with the sites at which most of its holders stand first."""
        return [_told(place) for place in list(self._places.values())]

    def look(self, standing: Sequence[tuple[Flight, list[Leaf]]], seconds: float, weight: float) -> None:
        """Note who waits at each place, and who holds what they wait for."""
        waiting: Counter[PlaceKey] = Counter()
        heads: dict[PlaceKey, list[_Head]] = {}
        for flight, leaves in standing:
            for leaf in leaves:
                if leaf.site.state != "place" or not leaf.site.own:
                    continue
                key = leaf.site.route, leaf.site.file, leaf.site.line
                waiting[key] += 1
                flight.waited.add(key[1:])
                if leaf.callee:
                    self._passed.setdefault(key[1:], set()).add(leaf.callee)
                if key not in heads:
                    own = [each for each in leaf.frames if self._application.owns(each.f_code.co_filename)]
                    heads[key] = [_head_of(frame) for frame in reversed(own)]
                    if key not in self._places:
                        self._places[key] = Place(leaf.site, _library_of(leaf.frames))
        for key, count in waiting.items():
            place = self._places[key]
            place.contended += seconds
            place.waiting += count * weight
            for flight, leaves in standing:
                held = (
                    None if any(_is_at(leaf, key) for leaf in leaves) else self._held(flight, leaves, key, heads[key])
                )
                if held is None:
                    continue
                place.holding += weight
                place.inside += weight if held.inside else 0.0
                for leaf in leaves:
                    part = weight / len(leaves)
                    place.holders[leaf.site] += part  # type: ignore[assignment]  # a Counter of seconds
                    place.used += part if _uses(leaf, place, held) else 0.0
                    place.queued += part if leaf.site.state == "queue" else 0.0

    def _held(self, flight: Flight, leaves: Sequence[Leaf], key: PlaceKey, heads: Sequence[_Head]) -> _Held | None:
        """Return what a request holds that others wait for at this place; None if it holds nothing of it.

        It holds it while it stands in the body of the `with` statement at whose head they wait. Without a `with`, it
        holds it once it has passed the line, until it is answered.
        """
        live: dict[tuple[str, int], FrameType] = {}
        for leaf in leaves:
            for frame in (*leaf.frames, *generators_of(leaf.frames)):
                live.setdefault((frame.f_code.co_filename, frame.f_code.co_firstlineno), frame)
        with_statement = any(head.end is not None for head in heads)
        for head in heads:
            found = live.get((head.file, head.first))
            now = 0 if found is None else line_of(found)
            if found is not None and head.end is not None and head.line <= now <= head.end:
                return _Held(_objects_of(found, head), inside=True)
            if found is not None and not with_statement and now >= head.line:
                return _Held(None, inside=True)
        if with_statement:
            return None
        passed = key[1:] in flight.waited or bool(self._passed.get(key[1:], set()) & flight.called)
        return _Held(None, inside=False) if passed else None


def _told(place: Place) -> dict[str, Any]:
    holders = counted(place.holders, MOST_HOLDERS)
    names = ("contended", "waiting", "holding", "inside", "used", "queued")
    times = {name: round(getattr(place, name), 4) for name in names}
    return asdict(place.site) | {"library": place.library, "holders": holders} | times


def counted(seconds: Counter[WaitSite], most: int) -> list[dict[str, Any]]:
    """Return the sites with the most seconds, the largest first, as a telemetry line holds them."""
    return [asdict(site) | {"seconds": round(spent, 4)} for site, spent in seconds.copy().most_common(most)]


def _is_at(leaf: Leaf, key: PlaceKey) -> bool:
    return leaf.site.state == "place" and (leaf.site.file, leaf.site.line) == key[1:]


@dataclass(frozen=True, slots=True)
class _Head:
    """A frame of the application's own at a place: its file, first line and line.

    `end` is the last line of the `with` statement whose head this line is, `names` what the statement calls its
    objects; `generator` says whether it is a generator.
    """

    file: str
    first: int
    line: int
    end: int | None
    names: tuple[str, ...]
    generator: bool


@dataclass(frozen=True, slots=True)
class _Held:
    """Name what a request holds: the objects that were handed out, None where they are not known.

    `inside` says that the request stands in the function that took it, so that it certainly holds it.
    """

    objects: tuple[Any, ...] | None
    inside: bool


def _head_of(frame: FrameType) -> _Head:
    code, line = frame.f_code, line_of(frame)
    found = next((each for each in _statements(code.co_filename) if each.line <= line <= each.last), None)
    return _Head(
        file=code.co_filename,
        first=code.co_firstlineno,
        line=line,
        end=None if found is None else found.end,
        names=() if found is None else found.names,
        generator=bool(code.co_flags & (inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR)),
    )


def _objects_of(frame: FrameType, head: _Head) -> tuple[Any, ...] | None:
    """Return what a frame was handed out: the names after `as`, or all that a generator has to yield."""
    if head.names:
        return tuple(frame.f_locals[name] for name in head.names if name in frame.f_locals)
    return tuple(frame.f_locals.values()) if head.generator else None


@dataclass(frozen=True, slots=True)
class _With:
    """A `with` statement: the first and last line of its head, the last of its body, the names after `as`."""

    line: int
    last: int
    end: int
    names: tuple[str, ...]


@cache
def _statements(file: str) -> tuple[_With, ...]:
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):
        return ()
    return tuple(
        _With(
            line=node.lineno,
            last=max(node.lineno, node.body[0].lineno - 1),
            end=node.end_lineno or node.lineno,
            names=tuple(item.optional_vars.id for item in node.items if isinstance(item.optional_vars, ast.Name)),
        )
        for node in ast.walk(tree)
        if isinstance(node, (ast.With, ast.AsyncWith))
    )


def waits_for_turn(frames: Sequence[FrameType], *, in_thread: bool) -> bool:
    """Return whether the innermost call waits for something that another task or thread holds."""
    if not frames:
        return False
    innermost = frames[-1]
    file, function = innermost.f_code.co_filename, innermost.f_code.co_name
    for ending, functions in PLACES.items():
        if file.endswith(ending):
            return function in functions
    if not in_thread:
        return False
    if file.endswith(THREAD_PLACES):
        return not any(frame.f_code.co_filename.endswith(RESULTS) for frame in frames)
    # The lock of `with lock:` and of `lock.acquire()` is written in C and has no frame.
    line = line_of(innermost)
    return ".acquire(" in source_of(file, line) or _heads_lock(innermost, line)


def _heads_lock(frame: FrameType, line: int) -> bool:
    """Return whether this line is the head of a `with` whose manager is a name: what it enters is written in C."""
    text = source_of(frame.f_code.co_filename, line)
    return text.startswith("with ") and "(" not in text


def _library_of(frames: Sequence[FrameType]) -> str:
    """Return the package of the innermost frame that is neither the application's nor of a web framework."""
    for frame in reversed(frames):
        name = _package_of(frame.f_code.co_filename)
        if name and name not in FRAMEWORKS:
            return name
    return ""


@cache
def _package_of(file: str) -> str:
    parts = Path(file).parts
    if "site-packages" not in parts:
        return ""
    return parts[parts.index("site-packages") + 1].partition(".")[0].partition("_")[0]


def _uses(leaf: Leaf, place: Place, held: _Held) -> bool:
    """Return whether a holder uses what it holds: it is in a call of what was handed out, or into its library.

    Where neither is known, it counts as used.
    """
    if place.library and any(_package_of(frame.f_code.co_filename) == place.library for frame in leaf.frames):
        return True
    if held.objects is None:
        return not place.library
    return any(frame.f_locals.get("self") is each for frame in leaf.frames for each in held.objects if each is not None)
