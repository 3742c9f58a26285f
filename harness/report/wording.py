"""The wording of figures, the same on the page, on a chart and in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from harness.causes.bounds import saturation_users
from harness.causes.cause import Cause, Prediction
from harness.causes.diagnosis import SLOWER_S, SLOWER_SHARE, UNEXPLAINED, Diagnosis
from harness.judge.cells import Cell
from harness.judge.comparisons import Comparison
from harness.judge.crossover import Over
from harness.judge.findings import JudgedCell, JudgedComparison, JudgedConfirmation, JudgedSetting
from harness.plan.knobs import differing, spelled, varied
from harness.plan.level import ARRIVALS_SPELLED, Level
from harness.plan.metric import PERCENTILES, Metric
from harness.plan.plan import Plan
from harness.plan.schedule import Schedule
from harness.record.disturbance import WARN, DisturbedBlock, Unrest
from harness.record.validation import Validation
from harness.stats.figures import NOT_MEASURED, TOO_FEW, count, duration_ms, milliseconds, ratio, ratio_interval, times
from scenarios.wire.histogram import Distribution
from scenarios.wire.victim import VictimName

USUAL_SETTING: Final = "the usual setting"
SMALL: Final = 0.1
WORTHWHILE: Final = 1.05
"""A change that raises the bound by less than this factor brings nothing worth the effort."""


def percentile(distribution: Distribution, percent: float) -> str:
    """Spell the percentile in milliseconds, or n/a."""
    return duration_ms(milliseconds(distribution.percentile_us(percent)))


def latency(cell: Cell, percent: float) -> str:
    """Spell a cell's latency percentile in milliseconds; ≥ marks a lower bound."""
    if not cell.latency.n:
        return NOT_MEASURED
    latency_us = cell.latency_us(percent)
    if latency_us is None:
        return TOO_FEW
    spelled = duration_ms(milliseconds(latency_us))
    return f"≥ {spelled}" if cell.latency_is_lower_bound else spelled


def sentence(judged: JudgedComparison) -> str:
    """Spell the comparison in one sentence, with interval, blocks, level, p99 and bystander."""
    comparison = judged.comparison
    pair, contender, baseline = comparison.pair, comparison.contender, comparison.baseline
    claim = (
        f"{pair.contender} served {ratio(comparison.ratio)} the requests a second of {pair.baseline}"
        if comparison.metric == "throughput_rps"
        else f"{pair.contender} answered with {ratio(comparison.ratio)} the p99 of {pair.baseline}"
    )
    if comparison.ratio is None:
        claim = f"{pair.contender} and {pair.baseline} have no ratio"
    tails = " against ".join(_with_unit(latency(cell, 99)) for cell in (contender, baseline))
    return (
        f"{claim} (95 % interval {ratio_interval(comparison.ratio)}; {blocks(comparison)}; {comparison.level}). "
        f"p99 {tails}{_neighbours(comparison)}."
    )


def _neighbours(comparison: Comparison) -> str:
    felt_by = [felt(cell, "async_warm") for cell in (comparison.contender, comparison.baseline)]
    if set(felt_by) == {NOT_MEASURED}:
        return ""
    return f"; a bystander's p99 {' against '.join(map(_with_unit, felt_by))}"


def _with_unit(spelled: str) -> str:
    return spelled if spelled in (TOO_FEW, NOT_MEASURED) else f"{spelled} ms"


def rejections(blocks: Sequence[DisturbedBlock], plan: Plan) -> list[str]:
    """Spell each block that is beyond a limit, with what disturbed it. Blocks count from 1, as in the progress."""
    return [f"{block.workload}, {block.level}, {block_name(block.number, plan)}: {block}" for block in blocks]


def block_name(number: int, plan: Plan) -> str:
    """Spell the number of a block; the blocks that confirm a setting have their own count."""
    most = plan.most_blocks
    return (
        f"block {number + 1} of {most}" if number < most else f"confirming block {number - most + 1} of {plan.blocks}"
    )


def unrest(found: Unrest) -> str:
    """Spell one kind of disturbance: how strong it was, and in how many trials."""
    trials = f"in {found.trials} trial{'s' if found.trials != 1 else ''}"
    if found.name == "steal":
        return f"a hypervisor took up to {found.highest:.0%} of a core (more than {WARN['steal']:.0%} {trials})"
    if found.name == "core speed":
        less = max(0.0, -found.lowest)
        return (
            f"the core speed changed: the same work took {less:.0%} less to {found.highest:.0%} more time "
            f"than the median (beyond ±{WARN['core speed']:.0%} {trials})"
        )
    if found.name == "throttling":
        return f"a CPU quota stopped the processes {trials}"
    return (
        f"other programs used up to {found.highest:.0%} of the server's core (above {WARN['foreign CPU']:.0%} {trials})"
    )


METRICS: Final[dict[Metric, str]] = {"throughput_rps": "req/s"} | {
    name: name.removesuffix("_ms") for name in PERCENTILES
}
"""Each metric's name in a table."""


def blocks(comparison: Comparison) -> str:
    """Spell how many blocks hold both variants."""
    return f"{comparison.blocks} block{'s' if comparison.blocks != 1 else ''}"


def levels(plan: Plan) -> str:
    """Spell every level of the plan in a few words."""
    if len(plan.levels) == 1:
        return str(plan.levels[0])
    last, sizes = plan.levels[-1], list(dict.fromkeys(f"{level.size:g}" for level in plan.levels))
    if len(sizes) == 1:
        loads = last.load
    elif last.rate_rps is None:
        think = f" with {last.think_s * 1000:g} ms think time" if last.think_s else ""
        loads = f"{_and(sizes)} users{think}, closed loop"
    else:
        loads = f"{_and(sizes)} req/s, open loop, {ARRIVALS_SPELLED[last.arrivals]} arrivals"
    settings = list(dict.fromkeys(str(level.knobs) or USUAL_SETTING for level in plan.levels))
    usual = settings == [USUAL_SETTING]
    return loads if usual else f"{loads}; server with {_and(settings, 'or')}"


def _and(parts: Sequence[str], word: str = "and") -> str:
    return f"{', '.join(parts[:-1])} {word} {parts[-1]}" if len(parts) > 1 else parts[0]


def condition(level: Level, plan: Plan) -> str:
    """Spell what distinguishes this level from the plan's others: its load, its knobs, or both."""
    knobs = [spelled(name, getattr(level.knobs, name)) for name in varied(each.knobs for each in plan.levels)]
    size = [f"{level.size:g}"] if len({each.load for each in plan.levels}) > 1 else []
    return ", ".join([*size, *knobs])


def condition_heading(plan: Plan) -> str:
    """Return the heading of a column of conditions."""
    several_loads = len({each.load for each in plan.levels}) > 1
    if not varied(each.knobs for each in plan.levels):
        return plan.levels[0].unit
    return f"{plan.levels[0].unit}, server" if several_loads else "server"


def setting(judged: JudgedSetting) -> str:
    """Spell the two settings of the server that are compared: 2 workers / 1 worker."""
    before, after = judged.before.cell.level.knobs, judged.after.cell.level.knobs
    both = [
        (spelled(name, getattr(after, name)), spelled(name, getattr(before, name))) for name in differing(after, before)
    ]
    return " / ".join(", ".join(parts) for parts in zip(*both, strict=True))


def headline_figure(cell: Cell) -> str:
    """Spell the figure of the metric that the cell's verdict is about, with its unit."""
    if cell.level.rate_rps is not None:
        return _with_unit(latency(cell, 99))
    return f"{count(cell.throughput_rps.value)} req/s" if cell.throughput_rps else NOT_MEASURED


def minutes(seconds: float) -> str:
    """Spell a length of time: 45 s, 3 min 10 s, 1 h 5 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    hours, rest = divmod(round(whole / 60), 60)
    if not hours:
        return f"{rest} min"
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def expectation(schedule: Schedule) -> str:
    """Spell how long the session will take."""
    least, most = schedule.expected_s(), schedule.expected_s(schedule.plan.most_blocks)
    ends = f" to {minutes(most)}, until the intervals are narrow" if most > least else ""
    longest = schedule.longest_expected_s()
    grows = schedule.plan.pilot_s and not schedule.found.tuned and longest > most
    return f"About {minutes(least)}{ends}{f'; up to {minutes(longest)} if slow variants need it' if grows else ''}."


def smallest_difference(validation: Validation | None, plan: Plan) -> str:
    """Spell the smallest difference that this run can show, by the last `selfcheck` on this machine."""
    found = validation.detectable(plan.most_blocks) if validation is not None else None
    if found is None:
        return ""
    return (
        f"With {plan.most_blocks} blocks this machine shows differences from {found[0]:.0%} where handlers wait, and "
        f"from {found[1]:.0%} where the server's core is full."
    )


def smallest_differences(validation: Validation) -> list[str]:
    """Spell the smallest difference that this machine shows, a line for each number of blocks."""
    lines = []
    for blocks in (6, 10, 20):
        found = validation.detectable(blocks)
        if found is not None:
            waiting, busy = found
            lines.append(
                f"Smallest difference that {blocks} blocks show in 4 of 5 sessions: {waiting:.1%} where handlers wait, "
                f"{busy:.1%} where the server's core is full."
            )
    return lines


def windows(schedule: Schedule) -> str:
    """Spell which windows the pilot has lengthened."""
    plan = schedule.plan
    usual = (plan.warmup_s, plan.window_s)
    longer = [
        f"{tuned.workload}{f', {tuned.level}' if len(plan.levels) > 1 else ''} {tuned.window.window_s:g} s after "
        f"{tuned.window.warmup_s:g} s"
        for tuned in schedule.found.tuned
        if tuned.level in plan.levels and (tuned.window.warmup_s, tuned.window.window_s) != usual
    ]
    rest = f"windows of {plan.window_s:g} s after {plan.warmup_s:g} s of warm-up"
    return f"{'; '.join(longer)}; else {rest}." if longer else f"{rest.capitalize()}."


def blocks_of(schedule: Schedule) -> str:
    """Spell how many blocks there are: 10 blocks, 6 to 10 blocks."""
    plan, stops = schedule.plan, schedule.found.stops
    counts = {stop.blocks for stop in stops if stop.level in plan.levels}
    if len(stops) < len(plan.workloads) * len(plan.levels):
        counts.add(plan.most_blocks)
    least, most = min(counts), max(counts)
    return f"{least} to {most} blocks" if most > least else f"{most} block{'s' if most != 1 else ''}"


def metric(plan: Plan) -> str:
    """Spell the metric that the plan's comparisons compare."""
    return "requests a second" if plan.levels[0].rate_rps is None else "p99 latency at an equal rate, less is better"


def bystanders(comparison: Comparison) -> str:
    """Spell the p99 of the warm async bystander in milliseconds, beside the contender and beside the baseline."""
    return f"{felt(comparison.contender, 'async_warm')} / {felt(comparison.baseline, 'async_warm')}"


def felt(cell: Cell, name: VictimName, percent: float = 99) -> str:
    """Spell a percentile of a victim's latency beside the cell, in milliseconds; ≥ marks a lower bound."""
    victim = cell.victims.get(name)
    value = milliseconds(victim.percentile_us(percent)) if victim is not None else None
    if victim is None or value is None:
        return NOT_MEASURED
    # A p99 of about a hundred probes has no decimals worth showing.
    spelled = f"{value:,.0f}" if value >= 10 else f"{value:.1f}"
    return f"≥ {spelled}" if victim.is_lower_bound(percent) else spelled


VICTIM_NAMES: Final[dict[VictimName, str]] = {
    "async_warm": "async def, kept connection",
    "async_cold": "async def, new connection",
    "sync_warm": "def, kept connection",
    "sync_cold": "def, new connection",
}
"""The name of each victim on the page."""


def slower(found: Diagnosis) -> str:
    """Spell the queueing delay of a request and its unloaded latency."""
    if not found.unloaded_s:
        return f"no answer for {duration_ms(found.queueing_s * 1000)} ms:"
    if found.queueing_s < found.unloaded_s * SMALL:
        return "as fast as unloaded, but:"
    unloaded = duration_ms(found.unloaded_s * 1000)
    least = "at least " if found.at_least else ""
    return f"{least}{duration_ms(found.queueing_s * 1000)} ms of queueing delay on {unloaded} ms unloaded:"


def cause(found: Cause) -> str:
    """Spell a cause in a few words: its name, its share, and its line."""
    site = found.site
    counted = "" if found.share is None else f" {found.share:.0%}"
    return f"{found.name}{counted}{f' at {site}' if site else ''}"


def first_cause(found: Diagnosis) -> str | None:
    """Spell the first cause in a few words, and what is unexplained; None without a fault, and for a full core."""
    missing = f"{found.unexplained:.0%} unexplained" if found.unexplained > UNEXPLAINED else ""
    if found.first is None:
        delay = f"a request takes {duration_ms(found.queueing_s * 1000)} ms longer than with one user"
        return f"unexplained: {delay}" if found.is_slower and found.unknown is None else None
    if found.first.name == "CPU" and not missing:
        return None
    return f"{cause(found.first)}, {missing}" if missing else cause(found.first)


def unexplained(judged: JudgedCell) -> str:
    """Spell the diagnosis of a cell without an explanation: no fault, no rule that applies, or a standstill."""
    found = judged.inquiry.diagnosis
    set_by = f"; {judged.cause}" if judged.cause else ""
    unloaded = duration_ms(found.unloaded_s * 1000)
    if found.causes:
        return f"{slower(found)} {'; '.join(map(cause, found.causes))}."
    if found.is_slower:
        return (
            f"cause unknown: a request takes {duration_ms(found.queueing_s * 1000)} ms longer than the {unloaded} ms "
            f"with one user, and no rule explains it{set_by}."
        )
    tolerated = f"{duration_ms(SLOWER_S * 1000)} ms or {SLOWER_SHARE:.0%}"
    return f"no fault: a request takes at most {tolerated} longer than with one user ({unloaded} ms){set_by}."


def predicted(prediction: Prediction) -> str:
    """Spell how much the bounds rise by a change: what was measured may be less."""
    allowed = _range(prediction.least, prediction.most)
    if prediction.most < WORTHWHILE:
        return f"By the bounds, {prediction.change} would bring nothing here ({allowed})."
    return f"By the bounds, {prediction.change} would allow {allowed} the requests a second."


def confirmation(judged: JudgedConfirmation) -> str:
    """Spell a prediction and what was measured."""
    each = judged.confirmation
    said = {True: "as predicted", False: "not as predicted", None: "undecided"}[judged.holds]
    measured = f"{ratio(judged.ratio)} ({ratio_interval(judged.ratio)}, n = {judged.ratio.n if judged.ratio else 0})"
    return f"{each.change}: predicted {_range(each.least, each.most)}, measured {measured}: {said}"


def _range(least: float, most: float) -> str:
    low, high = times(least), times(most)
    return low if low == high else f"{low} to {high}"


def saturation(cells: Sequence[JudgedCell]) -> str:
    """Spell the saturation point N*, above which awaiting overtakes threads, by the demands of the thread variant."""
    for judged in cells:
        scene = judged.inquiry.scene
        if judged.cell.variant.name == "sync" and scene is not None:
            tokens = scene.level.knobs.threads * scene.level.knobs.workers
            users = saturation_users(tokens, scene.demands, scene.level.think_s)
            if users is None:
                kept = duration_ms(scene.demands.thread * 1000)
                computed = duration_ms(tokens * scene.demands.processor * 1000)
                return (
                    f"The server's core fills before the {tokens} threads do: with one user a request keeps a thread "
                    f"for {kept} ms, less than the CPU time of {tokens} requests ({computed} ms)."
                )
            return (
                f"Unless the CPU is the limit, async def overtakes the {tokens} threads from about {users:.0f} users "
                "on: threads × (response + think time) / time that a request keeps its thread."
            )
    return ""


def closed_loop(users: int | None) -> str:
    """Name the kind of load of a crossover search, with its number of users where that is fixed."""
    return "closed loop" if users is None else f"{level_of('users', users)}, closed loop"


def level_of(over: Over, level: float) -> str:
    """Spell a level of users, or of a declared wait."""
    if over == "users":
        return f"{count(level)} user{'s' if level != 1 else ''}"
    return f"{count(level)} ms"


def between(over: Over, low: int, high: int) -> str:
    """Spell a range of levels."""
    return f"{low:,} to {high:,} users" if over == "users" else f"waits of {low:,} to {high:,} ms"
