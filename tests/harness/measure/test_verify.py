"""The project's own twins, verified on real parts."""

from pathlib import Path

from bench_app.workload import discover
from harness.machine.placement import place, usable_cores
from harness.measure.server import serve
from harness.measure.services import Services
from harness.measure.verify import verify
from harness.plan.planning import make_plan


def test_every_twin_of_the_project_is_verified_as_fair(services: Services, tmp_path: Path):
    with serve(services, cores=place(usable_cores()).server, logs=tmp_path, recorded=True) as witness:
        verifications = verify(make_plan(discover()), services, witness)
    assert len(verifications) == 21
    work = {}
    for verification in verifications:
        assert verification.problems == (), verification
        work[verification.workload] = (verification.statements, verification.upstream_calls)
    assert work == {
        "database": (1, None),
        "external": (None, 1),
        "file": (None, None),
        "item": (None, None),
        "root": (None, None),
        "sleep": (None, None),
    }
