"""The progress of a session: a line a block where nobody watches, a table where somebody does."""

import pytest
from rich.console import Console

from harness.plan.plan import Window
from harness.plan.schedule import Schedule, Stop, Tuned
from harness.record.run import Answer, RecordedTrial, Verification
from harness.report.progress import ProgressDisplay
from tests.harness.causes.made_up import LEVEL
from tests.harness.judged import RATES, console
from tests.rehearsal import result, schedule


def played(made: Schedule, to: Console, trials: int | None = None) -> ProgressDisplay:
    """A display to which so many trials of the schedule were shown."""
    display = ProgressDisplay(made, to)
    for trial in made.trials[:trials]:
        display.trial_starts(trial)
        display.trial_ended(RecordedTrial(trial, result(RATES[trial.variant], trial.level.users)))
    return display


def table(display: ProgressDisplay, to: Console) -> list[list[str]]:
    """The words of each line that the live display shows now, the bar and the heading left out."""
    to.export_text()
    with display:
        pass
    frame = to.export_text().rpartition("bystander p99 ms")[2]
    return [line.split() for line in frame.splitlines() if line.strip()]


def verification(variant: str, *problems: str) -> Verification:
    return Verification("sleep", variant, (Answer("/", 200, "{}"),), "loop", None, None, problems)


def test_without_a_terminal_each_block_is_a_line():
    to = console()
    played(schedule("root", blocks=3), to)
    lines = to.export_text().splitlines()
    assert [line.partition(";")[0] for line in lines] == [f"block {number} of 3 done" for number in (1, 2, 3)]
    assert lines[0].endswith("left")
    assert lines[-1].endswith("all trials done")


def test_on_a_terminal_the_table_shows_the_results_so_far():
    to = console(terminal=True)
    display = played(schedule("sleep", variants=["sync", "async"], blocks=3), to, trials=2)
    assert to.export_text() == ""
    sync, other = table(display, to)
    assert sync == ["sleep", "sync", "64", "1", "1,000", "64.0", "0.80"]
    assert other[:4] == ["async", "64", "1", "1,500"]


def test_a_variant_that_was_not_measured_yet_has_empty_fields():
    to = console(terminal=True)
    rows = table(ProgressDisplay(schedule("sleep", users=[8, 64]), to), to)
    assert rows[:3] == [["sleep", "sync", "8"], ["sync", "64"], ["async", "8"]]


def test_a_trial_in_which_nothing_was_answered_has_no_figures():
    to = console(terminal=True)
    made = schedule("root", variants=["async"], blocks=1)
    display = ProgressDisplay(made, to)
    silent = result(0.0, failures={"refused": 3}, victims={})
    display.trial_ended(RecordedTrial(made.trials[0], silent))
    assert table(display, to) == [["root", "async", "64", "1", "n/a", "n/a", "n/a"]]


def test_a_trial_that_lost_a_load_process_is_told():
    to = console()
    made = schedule("root", blocks=2)
    ProgressDisplay(made, to).trial_ended(RecordedTrial(made.trials[0], result(1.0, lost=1)))
    assert "a load process was lost in trial 1, which is left out" in to.export_text()


def test_variants_that_are_not_equivalent_are_told_one_by_one_and_else_their_number():
    to = console()
    display = ProgressDisplay(schedule("sleep"), to)
    display.verified((verification("sync"), verification("async", "answers [another] body", "runs on a thread")))
    display.verified((verification("sync"), verification("async")))
    assert to.export_text().splitlines() == [
        "not equivalent sleep/async: answers [another] body",
        "not equivalent sleep/async: runs on a thread",
        "2 variants verified: same answers, same work, right threads.",
    ]


@pytest.mark.parametrize(("terminal", "said"), [(False, "starting the server …\n"), (True, "")])
def test_a_stage_is_a_line_only_where_there_is_no_bar(terminal: bool, said: str):
    to = console(terminal=terminal)
    ProgressDisplay(schedule("sleep"), to).stage("starting the server")
    assert to.export_text() == said


def test_what_the_schedule_found_out_is_told_once():
    to = console(width=200)
    made = schedule("sleep", blocks=2, max_blocks=10, iso_rate=0.7)
    display = ProgressDisplay(made, to)
    longer = made.knowing(tuned=(Tuned("sleep", LEVEL, Window(1.0, 4.0)),))
    stopped = longer.knowing(stops=(Stop("sleep", LEVEL, 4),))
    rates = stopped.at_equal_rates({("sleep", "sync"): 1_000.0, ("sleep", "async"): 2_000.0})
    for found in (longer, stopped, rates, rates):
        display.rescheduled(found)
    windows, stop, iso = to.export_text().splitlines()
    assert windows.startswith("sleep 4 s after 1 s; else windows of 1 s")
    assert stop == "sleep, 64 users, closed loop: precise after 4 blocks."
    assert iso == "Both variants at 70% of the slower one's req/s: sleep 700."


def test_a_display_that_ended_draws_nothing_more_and_may_be_ended_again():
    to = console(terminal=True)
    with ProgressDisplay(schedule("sleep"), to) as display:
        display.end()
        assert "starting" in to.export_text()
        display.stage("one more thing")
    display.end()
    assert to.export_text() == ""
