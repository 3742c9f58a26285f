"""Makes a plan from options: looks up the names, and takes from the profile what the options leave open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench_app.workload import Variant, Workload
from harness.exceptions import BadInputError, unknown
from harness.plan.knobs import check_needed
from harness.plan.level import ARRIVALS, Level
from harness.plan.options import RunOptions
from harness.plan.plan import Plan, PlannedVariant, PlannedWorkload
from harness.plan.profile import PROFILES


def make_plan(workloads: Mapping[str, Workload], options: RunOptions | None = None) -> Plan:
    """Return the plan for the workloads that the options name, or for all of `workloads` where they name none.

    Raises:
        BadInputError: a name is unknown (the message offers the nearest one), the load does not fit the window or the
            load processes, or a knob is varied that no workload uses.
    """
    options = options or RunOptions()
    base = PROFILES[options.profile]
    levels = _levels(options, base.users)
    processes = options.meeting.workers if options.meeting else options.load_processes
    fewest = min(level.users for level in levels)
    if processes > fewest:
        raise BadInputError(
            f"{processes} load processes cannot share {fewest} users: give each at least one user, or start fewer."
        )
    window_s = base.window_s if options.seconds is None else options.seconds
    for level in levels:
        if level.rate_rps is not None and level.rate_rps * window_s < 1:
            raise BadInputError(
                f"--rate {level.rate_rps:g} sends less than one request in a window of {window_s:g} s: give --seconds "
                f"{10 / level.rate_rps:g} or more."
            )
    chosen = _chosen(workloads, options)
    planned = tuple(_planned(workload, options.variants) for workload in chosen)
    measured = {workload.name for workload in planned if workload.variants}
    check_needed(
        options.settings, (need for workload in chosen if workload.name in measured for need in workload.needs)
    )
    blocks = base.blocks if options.blocks is None else options.blocks
    # --blocks gives an exact number; --max-blocks may still raise the most.
    most = base.max_blocks if options.blocks is None else blocks
    piloted = options.seconds is None and options.warmup is None
    return Plan(
        profile=options.profile,
        seed=options.seed,
        blocks=blocks,
        max_blocks=most if options.max_blocks is None else options.max_blocks,
        fresh_server=base.fresh_server if options.fresh_server is None else options.fresh_server,
        # A pilot decides the windows only where the user gave neither of the two options.
        pilot_s=base.pilot_s if piloted else 0.0,
        longest_s=max(base.longest_s, window_s),
        budget_s=base.budget_s,
        warmup_s=base.warmup_s if options.warmup is None else options.warmup,
        window_s=window_s,
        levels=levels,
        workloads=tuple(workload for workload in planned if workload.variants),
        margin=options.margin,
        load_processes=processes,
        iso_share=base.iso_share if options.iso_rate is None else options.iso_rate,
        probe=options.collects,
        diagnose=options.profiles,
        diagnose_s=base.pilot_s,
    )


def _levels(options: RunOptions, usual_users: int) -> tuple[Level, ...]:
    """Return every rate over one number of users, or every number of users, with every setting of the server."""
    users = tuple(dict.fromkeys(options.users)) or (usual_users,)
    if options.rate:
        return tuple(
            Level(users[0], "open", rate_rps, ARRIVALS[options.arrivals], knobs=knobs)
            for knobs in options.settings
            for rate_rps in dict.fromkeys(options.rate)
        )
    think_s = options.think_ms / 1000
    return tuple(Level(count, think_s=think_s, knobs=knobs) for knobs in options.settings for count in users)


def _chosen(workloads: Mapping[str, Workload], options: RunOptions) -> list[Workload]:
    for name in options.workloads:
        if name not in workloads:
            raise unknown("workload", name, workloads)
    chosen = [each for each in workloads.values() if not options.workloads or each.name in options.workloads]
    available = sorted({variant for workload in chosen for variant in workload.variants})
    for name in options.variants:
        if name not in available:
            raise unknown("variant", name, available)
    return chosen


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
        variants=tuple(_planned_variant(workload, variant, [each.name for each in chosen]) for variant in chosen),
        adjustable=workload.adjustable,
    )


def _planned_variant(workload: Workload, variant: Variant, chosen: Sequence[str]) -> PlannedVariant:
    """Return the variant as planned. Where its rival was not chosen, compare it with the first one that was."""
    against = workload.rival_of(variant)
    if against is not None and against not in chosen:
        against = chosen[0] if chosen[0] != variant.name else None
    return PlannedVariant(variant.name, variant.kind, variant.path, against, variant.description, variant.source)
