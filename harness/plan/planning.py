"""A plan from what was asked for: names and numbers are checked, and the profile gives the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from bench_app.workload import Variant, Workload
from harness.exceptions import BadInputError, in_range, unknown
from harness.plan.knobs import USUAL, Knobs, check_needed
from harness.plan.level import make_levels
from harness.plan.plan import MARGIN, MAX_BLOCKS, Plan, PlannedVariant, PlannedWorkload
from harness.plan.profile import PROFILES

MAX_LOAD_PROCESSES: Final = 64
MIN_SECONDS, MAX_SECONDS = 0.1, 3_600.0
MIN_MARGIN, MAX_MARGIN = 0.001, 1.0


def make_plan(
    workloads: Mapping[str, Workload],
    *,
    profile: str = "quick",
    only: Sequence[str] = (),
    variants: Sequence[str] = (),
    users: Sequence[int] = (),
    rates: Sequence[float] = (),
    arrivals: str = "constant",
    blocks: int | None = None,
    max_blocks: int | None = None,
    fresh_server: bool | None = None,
    seconds: float | None = None,
    seed: int = 1,
    load_processes: int = 1,
    warmup: float | None = None,
    margin: float = MARGIN,
    think_ms: float = 0.0,
    iso_share: float | None = None,
    probe: bool = True,
    diagnose: bool = False,
    settings: Sequence[Knobs] = (USUAL,),
) -> Plan:
    """The plan for the named workloads (all of them where none is named), the rest from the profile.

    Raises:
        BadInputError: a name is unknown (the nearest one is offered) or a number is out of range.
    """
    if profile not in PROFILES:
        raise unknown("profile", profile, PROFILES)
    base = PROFILES[profile]
    think_s = in_range("--think-ms", think_ms, 0, MAX_SECONDS * 1000) / 1000
    levels = make_levels(users or [base.users], rates, arrivals, think_s, settings)
    fewest = min(level.users for level in levels)
    if in_range("--load-processes", load_processes, 1, MAX_LOAD_PROCESSES) > fewest:
        raise BadInputError(
            f"{load_processes} load processes cannot share {fewest} users: give each at least one, or start fewer."
        )
    window_s = in_range("--seconds", seconds if seconds is not None else base.window_s, MIN_SECONDS, MAX_SECONDS)
    for level in levels:
        if level.rate_rps is not None and level.rate_rps * window_s < 1:
            raise BadInputError(
                f"--rate {level.rate_rps:g} sends less than one request in a window of {window_s:g} s: give --seconds "
                f"{10 / level.rate_rps:g} or more."
            )
    for name in only:
        if name not in workloads:
            raise unknown("workload", name, workloads)
    chosen = [workload for workload in workloads.values() if not only or workload.name in only]
    available = sorted({variant for workload in chosen for variant in workload.variants})
    for name in variants:
        if name not in available:
            raise unknown("variant", name, available)
    planned = tuple(_planned(workload, variants) for workload in chosen)
    check_needed(settings, database=any("database" in workload.needs for workload in chosen))
    fewest_blocks = in_range("--blocks", blocks if blocks is not None else base.blocks, 1, MAX_BLOCKS)
    if max_blocks is not None:
        in_range("--max-blocks", max_blocks, fewest_blocks, MAX_BLOCKS)
    elif blocks is not None:
        max_blocks = blocks  # so many were asked for, no more and no fewer
    return Plan(
        profile=profile,
        seed=seed,
        blocks=fewest_blocks,
        max_blocks=base.max_blocks if max_blocks is None else max_blocks,
        fresh_server=base.fresh_server if fresh_server is None else fresh_server,
        # What was said is done; a pilot decides what was not.
        pilot_s=base.pilot_s if seconds is None and warmup is None else 0.0,
        longest_s=max(base.longest_s, window_s),
        budget_s=base.budget_s,
        warmup_s=in_range("--warmup", warmup if warmup is not None else base.warmup_s, 0, MAX_SECONDS),
        window_s=window_s,
        levels=levels,
        workloads=tuple(workload for workload in planned if workload.variants),
        margin=in_range("--margin", margin, MIN_MARGIN, MAX_MARGIN),
        load_processes=load_processes,
        iso_share=in_range("--iso-rate", iso_share if iso_share is not None else base.iso_share, 0, 1),
        probe=probe,
        diagnose=diagnose,
        diagnose_s=base.pilot_s,
    )


def _planned(workload: Workload, only: Sequence[str]) -> PlannedWorkload:
    chosen = [variant for variant in workload.variants.values() if not only or variant.name in only]
    names = {variant.name for variant in chosen}
    return PlannedWorkload(
        name=workload.name,
        question=workload.question,
        requests=workload.requests,
        wait_s=workload.wait_s,
        outbound=workload.outbound,
        needs=workload.needs,
        statement=workload.statement,
        claims=tuple(claim for claim in workload.claims if {claim.baseline, claim.contender} <= names),
        variants=tuple(_planned_variant(variant, names) for variant in chosen),
        adjustable=workload.adjustable,
    )


def _planned_variant(variant: Variant, chosen: set[str]) -> PlannedVariant:
    against = variant.against if variant.against in chosen else None
    return PlannedVariant(variant.name, variant.kind, variant.path, against, variant.description, variant.source)
