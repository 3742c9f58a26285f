import sys

import psutil

from harness.machine.facts import facts
from harness.machine.placement import Placement


def test_the_facts_are_those_of_this_machine():
    found = facts(Placement((0,), (1,), (1,), shared=False))
    assert found.cores == psutil.cpu_count(logical=True)
    assert found.python.endswith(sys.version.split()[0])
    assert found.packages["fastapi"]
    assert found.memory_gib


def test_a_shared_core_is_missing_from_the_signals_and_cores_of_their_own_are_not():
    shared = facts(Placement((0,), (0,), (0,), shared=True))
    apart = facts(Placement((0,), (1,), (1,), shared=False))
    assert set(shared.missing_signals) - set(apart.missing_signals) == {"server and load apart (one core)"}
