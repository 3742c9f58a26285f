"""The profiles: how much time a run spends where the options do not say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Profile:
    """How much time a run spends. Times are in seconds.

    Each trial counts requests for `window_s`, after a warm-up of `warmup_s`. A pilot with trials of `pilot_s` may
    lengthen both up to `longest_s`, as long as the session stays within `budget_s`. The run measures from `blocks` to
    `max_blocks` blocks, until the ratios are precise. With `fresh_server`, each trial has a server that has served no
    other. `iso_share` is the share of the slower variant's capacity that both variants of a pair are then offered; 0
    skips that step.
    """

    name: str
    about: str
    users: int
    blocks: int
    max_blocks: int
    warmup_s: float
    window_s: float
    longest_s: float
    pilot_s: float
    budget_s: float
    fresh_server: bool = False
    iso_share: float = 0.0


PROFILES: Final[Mapping[str, Profile]] = {
    profile.name: profile
    for profile in (
        Profile(
            "quick",
            "about three minutes for everything, low precision",
            users=64,
            blocks=6,
            max_blocks=6,
            warmup_s=0.3,
            window_s=0.7,
            longest_s=2.0,
            pilot_s=0.4,
            budget_s=190,
        ),
        Profile(
            "standard",
            "an hour at most, for a claim",
            users=64,
            blocks=6,
            max_blocks=10,
            warmup_s=1.0,
            window_s=5.0,
            longest_s=15.0,
            pilot_s=1.0,
            budget_s=3_000,
            fresh_server=True,
            iso_share=0.7,
        ),
        Profile(
            "thorough",
            "three hours at most, for an argument",
            users=64,
            blocks=10,
            max_blocks=20,
            warmup_s=2.0,
            window_s=10.0,
            longest_s=30.0,
            pilot_s=2.0,
            budget_s=10_800,
            fresh_server=True,
            iso_share=0.7,
        ),
    )
}
