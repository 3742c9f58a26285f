"""What the controls do on purpose is seen by the guards: on the real server, with the real load."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from rich.console import Console

from bench_app.discovery import discover
from harness.commands.selfcheck import Checker, Display
from harness.judge.controls import CONTROLS
from harness.machine.facts import facts
from harness.machine.placement import place, usable_cores
from harness.measure.rig import Setup, open_rig
from harness.plan.options import RunOptions
from harness.plan.planning import make_plan
from harness.plan.schedule import Schedule


@pytest.fixture(scope="module")
def checker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checker]:
    plan = replace(
        make_plan(discover("controls"), RunOptions(seconds=0.4, warmup=0.1, blocks=2, diagnose=False)),
        package="controls",
    )
    directory = tmp_path_factory.mktemp("selfcheck")
    (directory / "logs").mkdir()
    setup, display = Setup(place(usable_cores())), Display(Console(quiet=True))
    with open_rig(Schedule(plan), setup, display, directory / "logs") as rig:
        yield Checker(plan, setup, rig, display, directory, "python bench.py selfcheck", facts(setup.placement))


@pytest.mark.parametrize("name", ["CPU hog", "throttled client"])
def test_a_disturbance_on_purpose_is_seen(checker: Checker, name: str):
    if len(usable_cores()) < 2:
        pytest.skip("on one core the server shares it with everything, and nobody is foreign")
    control = replace(
        next(each for each in CONTROLS if each.name == name), blocks=3, warmup_s=0.1, window_s=0.4, sessions=1
    )
    outcome, _ = checker.check(control)
    assert outcome.passed, outcome.found


def test_a_session_of_a_control_leaves_a_run_that_can_be_reported(checker: Checker):
    control = replace(CONTROLS[0], sessions=1, blocks=2, warmup_s=0.1, window_s=0.3)
    outcome, (findings,) = checker.check(control)
    assert "of 1 intervals exclude 1" in outcome.found
    assert findings.run.is_complete
    assert (findings.run.directory / "run.json").exists()
