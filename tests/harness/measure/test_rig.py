"""The rig on real parts: what happens to the server between trials."""

from pathlib import Path

import pytest

from harness.machine.placement import place, usable_cores
from harness.measure.rig import Rig, Setup, open_rig
from harness.plan.plan import Window
from harness.plan.schedule import Schedule
from harness.record.run import Verification
from scenarios.wire.protocol import UNANSWERED
from tests.rehearsal import schedule

SHORT = Window(warmup_s=0.1, window_s=0.2, drain_s=0.2)


class Silence:
    """An audience that nothing is said to."""

    def stage(self, sentence: str) -> None: ...

    def verified(self, verifications: tuple[Verification, ...]) -> None: ...


def pids(rig: Rig, made: Schedule) -> list[int]:
    found = []
    for trial in made.trials:
        result = rig.run(trial, SHORT).result
        assert result.completed or UNANSWERED in result.failures
        assert rig.server is not None
        found.append(rig.server.child.pid)
    return found


@pytest.mark.parametrize(("fresh", "servers"), [(True, 3), (False, 1)])
def test_each_trial_has_a_server_of_its_own_if_the_plan_says_so(tmp_path: Path, fresh: bool, servers: int):
    made = schedule("root", variants=["sync"], users=[4], blocks=3, fresh_server=fresh)
    with open_rig(made, Setup(place(usable_cores())), Silence(), tmp_path) as rig:
        assert len(set(pids(rig, made))) == servers


def test_a_server_that_still_works_for_nobody_is_started_anew(tmp_path: Path):
    """64 users of a handler that blocks for 20 ms leave more than a second of work behind."""
    made = schedule("sleep", variants=["blocking"], users=[64], blocks=2)
    with open_rig(made, Setup(place(usable_cores())), Silence(), tmp_path) as rig:
        rig.run(made.trials[0], SHORT)
        assert rig.server is not None
        before = rig.server.child.pid
        assert len({before, *pids(rig, made)}) == 3
