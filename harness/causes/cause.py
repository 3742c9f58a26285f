"""What a cause is: a rule that says when it applies, and the words, the advice and the prediction that go with it.

Each cause has one file in `rules/`. It takes part by binding a `CauseRule` to the module's name `rule`. No other file
needs a change.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final

from harness.causes.bounds import Bound, Demands
from harness.causes.charge import Charge, Contrast
from harness.causes.symptoms import Holding, Symptoms
from harness.causes.wait_profile import Limit
from harness.exceptions import BenchError
from harness.plan.knobs import Knobs
from harness.plan.level import Level
from harness.record.telemetry import Site, WaitSite

CAUSE_SHARE: Final = 0.10
"""A cause of less than this share of the queueing delay is not worth a sentence."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause: the name of its rule, and its share of the queueing delay, 0 to 1.

    The share is None where it delays no request of its own, but holds the loop that others need. `holding` is the route
    that holds the loop, where one does. `limit` is the place at which requests wait for others, and `waits_at` the line
    that waits for a neighbour, where the wait profile found one.
    """

    name: str
    share: float | None
    holding: Holding | None = None
    limit: Limit | None = None
    waits_at: WaitSite | None = None

    @property
    def site(self) -> Site | WaitSite | None:
        """The line of the application to look at: the one that holds what others wait for, or the one that waits."""
        if self.holding is not None:
            return self.holding.site
        if self.limit is not None:
            return self.limit.place.site if self.limit.kind == "own" else self.limit.kept_at
        return self.waits_at


@dataclass(frozen=True, slots=True)
class Prediction:
    """What one change should bring: throughput afterwards over before, by the bounds, from `least` to `most`.

    It is a range where the processor matters and was not full before. A request costs less processor time at a higher
    rate, so the measured cost is an upper bound. `knobs` is the server's setting that the change asks for, None for a
    rewrite.
    """

    change: str
    least: float
    most: float
    knobs: Knobs | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything known of a cell's server: its symptoms without and under load, its requests' demands, its bounds."""

    level: Level
    alone: Symptoms
    loaded: Symptoms
    demands: Demands
    bounds: tuple[Bound, ...]
    cores: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """A cause in plain words: what it is and where, who suffers, what to do, and what that should bring."""

    cause: Cause
    sentence: str
    evidence: tuple[str, ...]
    advice: str
    prediction: Prediction | None = None


@dataclass(frozen=True, slots=True)
class CauseRule:
    """A cause as its file describes it.

    `condition` decides whether the cause applies, and yields its charges. `standstill` decides whether this cause
    stopped a server that answers nothing; it needs no unloaded trial. `sentence` names the cause and its place,
    `evidence` lists the figures that support it and who suffers, `advice` says what to do, and `prediction` what one
    change should bring. A cause with less than `least_share` of the queueing delay is left out.
    """

    name: str
    sentence: Callable[[Cause, Scene], str]
    advice: str
    condition: Callable[[Contrast], Iterable[Charge]] = lambda _: ()
    standstill: Callable[[Symptoms], bool] = lambda _: False
    evidence: Callable[[Cause, Scene], Iterable[str]] = lambda _cause, _scene: ()
    prediction: Callable[[Cause, Scene], Prediction | None] = lambda _cause, _scene: None
    least_share: float = CAUSE_SHARE

    def explain(self, cause: Cause, scene: Scene) -> Explanation:
        """Return the cause in plain words."""
        return Explanation(
            cause,
            self.sentence(cause, scene),
            tuple(self.evidence(cause, scene)),
            self.advice,
            self.prediction(cause, scene),
        )


@cache
def discover() -> Mapping[str, CauseRule]:
    """Return every rule in `rules/` by the name of its cause, in the alphabetical order of the files.

    Raises:
        BenchError: two files describe a cause of the same name.
    """
    package = importlib.import_module(f"{__package__}.rules")
    found: dict[str, CauseRule] = {}
    for module_info in pkgutil.iter_modules(package.__path__):
        rule = getattr(importlib.import_module(f"{package.__name__}.{module_info.name}"), "rule", None)
        if not isinstance(rule, CauseRule):
            continue
        if rule.name in found:
            raise BenchError(
                f"harness/causes/rules/{module_info.name}.py: another file has a cause called {rule.name!r}."
            )
        found[rule.name] = rule
    return MappingProxyType(found)


def explain(causes: Iterable[Cause], scene: Scene | None) -> tuple[Explanation, ...]:
    """Return an explanation for each cause, in the same order; none where nothing is known of the server."""
    if scene is None:
        return ()
    return tuple(discover()[cause.name].explain(cause, scene) for cause in causes)
