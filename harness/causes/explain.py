"""What held a cell back, in words: each cause with what bears it out, what to change, and what that should bring."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Literal

from harness.causes.bounds import Bound, Demands, bounds_of
from harness.causes.diagnosis import FULL_CORE as BUSY
from harness.causes.diagnosis import Cause, Diagnosis, Name
from harness.causes.symptoms import Symptoms
from harness.plan.knobs import Knobs
from harness.plan.level import Level

KnobName = Literal["threads", "pool_size", "workers"]


@dataclass(frozen=True, slots=True)
class Prediction:
    """What one change should bring: throughput afterwards over before, by the bounds, from `least` to `most`.

    It is a range where the processor comes into it and was not full before: a request costs less processor time the
    more of them there are, so what was measured is the most that it costs. `knobs` is the setting of the server that
    the change asks for, None for a rewrite.
    """

    change: str
    least: float
    most: float
    knobs: Knobs | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """A cause in plain words, its evidence, and what to do about it."""

    cause: Cause
    sentence: str
    evidence: tuple[str, ...]
    advice: str
    prediction: Prediction | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """All that is known of a cell's server: its symptoms alone and under load, and what its requests ask for."""

    level: Level
    alone: Symptoms
    loaded: Symptoms
    demands: Demands
    bounds: tuple[Bound, ...]
    cores: int


def explain(diagnosis: Diagnosis, scene: Scene | None) -> tuple[Explanation, ...]:
    """An explanation for each cause of the diagnosis, in its order."""
    if scene is None:
        return ()
    return tuple(_WORDS[cause.name](cause, scene) for cause in diagnosis.causes)


def _turned(scene: Scene, knob: KnobName, label: str) -> Prediction:
    """The knob at twice its value."""
    before = getattr(scene.level.knobs, knob)
    knobs = replace(scene.level.knobs, **{knob: 2 * before})
    return _predicted(
        scene, f"{label} {before} → {2 * before}", replace(scene.level, knobs=knobs), scene.demands, knobs
    )


def _predicted(scene: Scene, change: str, level: Level, demands: Demands, knobs: Knobs | None = None) -> Prediction:
    before_rps = scene.bounds[0].rps
    after = bounds_of(level, demands, cores=scene.cores)
    full = scene.loaded.process_cpu >= BUSY
    free = [each for each in after if full or each.resource != "processor"]
    return Prediction(change, after[0].rps / before_rps, free[0].rps / before_rps, knobs)


def _blocked(cause: Cause, scene: Scene) -> Explanation:
    holding = cause.holding
    assert holding is not None
    assert holding.site is not None
    place = holding.site
    kept = f"{holding.holds:.0%} of the time" if holding.holds < 1 else "all the time"
    computes = 1 - holding.waits / holding.holds
    mine = holding.route == scene.loaded.route
    freed = replace(scene.demands, loop=0.0, thread=scene.demands.loop)
    return Explanation(
        cause,
        f"{holding.route} blocks the event loop at {place}, in {place.function}: it holds it {kept} and computes for "
        f"{computes:.0%} of that",
        (f"{place.source}  ({place.call})", *_neighbours(scene)),
        "Write the handler as def, so that a thread waits, or await an asynchronous driver.",
        _predicted(scene, "the same in a thread", scene.level, freed) if mine and scene.demands.loop else None,
    )


def _neighbours(scene: Scene) -> tuple[str, ...]:
    return (f"whoever comes waits {scene.loaded.lag_s * 1000:.3g} ms for the loop on average (Σb²/2T)",)


def _computing(cause: Cause, scene: Scene) -> Explanation:
    holding = cause.holding
    assert holding is not None
    where = f" at {holding.site}, in {holding.site.function}" if holding.site else ""
    return Explanation(
        cause,
        f"{holding.route} computes on the event loop{where}, for more than 10 ms at a time: {holding.long:.0%} of the "
        "time",
        _neighbours(scene),
        "Give the work to another process; a thread would still share the GIL.",
    )


def _serialising(cause: Cause, scene: Scene) -> Explanation:
    holding = cause.holding
    assert holding is not None
    return Explanation(
        cause,
        f"the answers of {holding.route} are turned into JSON on the event loop, {holding.long:.0%} of the time",
        _neighbours(scene),
        "Return less, a response model, or a Response that is JSON already; def does not help, because this is always "
        "done on the loop.",
    )


def _processor(cause: Cause, scene: Scene) -> Explanation:
    loaded = scene.loaded
    return Explanation(
        cause,
        f"the server's core is full: {scene.demands.processor * 1e6:,.0f} µs of CPU a request",
        (f"the loop's thread used {loaded.loop_cpu:.0%} of a core, the other threads {loaded.others_cpu:.0%}",),
        "Less work a request, or more workers with a core each.",
        _turned(scene, "workers", f"on {scene.cores} core{'s' if scene.cores > 1 else ''}, workers"),
    )


def _threads(cause: Cause, scene: Scene) -> Explanation:
    loaded, spent = scene.loaded, scene.loaded.spending
    waited = f"a request waited {spent.queued * 1000:.3g} ms for a thread" if spent else ""
    return Explanation(
        cause,
        f"the thread pool is the limit: all {loaded.tokens} tokens were taken in {loaded.tokens_full:.0%} of the "
        "readings",
        (waited, f"a request keeps a thread for {scene.demands.thread * 1000:.3g} ms"),
        "More thread tokens, or handlers that await.",
        _turned(scene, "threads", "thread tokens"),
    )


def _gil(cause: Cause, scene: Scene) -> Explanation:
    return Explanation(
        cause,
        f"worker threads compute for {scene.loaded.others_cpu:.0%} of a core, and keep GIL and core from the loop",
        (f"the loop itself had {scene.loaded.loop_cpu:.0%} of a core", *_neighbours(scene)),
        "Give computing to processes; or do less of it a request.",
    )


def _pool(cause: Cause, scene: Scene) -> Explanation:
    loaded, spent = scene.loaded, scene.loaded.spending
    waited = f"a request waited {spent.lease_wait * 1000:.3g} ms for a connection" if spent else ""
    return Explanation(
        cause,
        f"the database pool is the limit: all {loaded.pool_size} connections were out in {loaded.pool_full:.0%} of the "
        "readings",
        (waited, f"a request keeps one for {scene.demands.lease * 1000:.3g} ms"),
        "A larger pool, as far as the database has cores for it.",
        _turned(scene, "pool_size", "pool size"),
    )


def _database(cause: Cause, scene: Scene) -> Explanation:
    spent, before = scene.loaded.spending, scene.alone.spending
    assert spent is not None
    assert before is not None
    now_s, then_s = spent.leased + spent.connecting, before.leased + before.connecting
    cpu = scene.loaded.database_cpu
    used = (f"the database used {cpu:.0%} of a core",) if cpu is not None else ()
    return Explanation(
        cause,
        f"the database takes {now_s * 1000:.3g} ms for what takes {then_s * 1000:.3g} ms alone, while the server has "
        "CPU to spare",
        used,
        "Look at the database: its processor, its locks, its connections.",
    )


def _outbound(cause: Cause, scene: Scene) -> Explanation:
    spent = scene.loaded.spending
    waited_s = spent.call_wait if spent else 0.0
    return Explanation(
        cause,
        f"the outbound connections are the limit: a request waited {waited_s * 1000:.3g} ms for one",
        (f"a call keeps one for {scene.demands.call * 1000:.3g} ms",),
        "A larger limit of the client session.",
    )


def _upstream(cause: Cause, scene: Scene) -> Explanation:
    spent = scene.loaded.spending
    now_s = spent.calling - spent.call_wait if spent else 0.0
    return Explanation(
        cause,
        f"the upstream service is slow: a call takes {now_s * 1000:.3g} ms",
        (f"{scene.demands.call * 1000:.3g} ms for one user alone",),
        "Nothing here makes it faster: ask it less, or at the same time.",
    )


def _collection(cause: Cause, scene: Scene) -> Explanation:
    return Explanation(
        cause,
        f"garbage collection stops everything for {scene.loaded.collecting:.0%} of the time",
        (),
        "gc.freeze() after start-up, or higher thresholds.",
    )


def _deadlock(cause: Cause, scene: Scene) -> Explanation:
    return Explanation(
        cause,
        f"deadlock: all thread tokens and all connections are taken, and nothing was answered for "
        f"{scene.loaded.idle_s:.0f} s",
        (),
        "As many connections as threads, or take the connection in the same hop that uses it.",
    )


_WORDS: Final[dict[Name, Callable[[Cause, Scene], Explanation]]] = {
    "loop blocked": _blocked,
    "loop computing": _computing,
    "serialisation": _serialising,
    "CPU": _processor,
    "thread limit": _threads,
    "threads hold the GIL": _gil,
    "database pool": _pool,
    "database": _database,
    "outbound limit": _outbound,
    "upstream": _upstream,
    "garbage collection": _collection,
    "deadlock": _deadlock,
}
