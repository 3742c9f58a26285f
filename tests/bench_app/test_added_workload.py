"""A workload is one file: put into the folder, it is found and planned, and no test of ours has to know of it."""

from pathlib import Path

from tests.tree import copy_tree, run_python

DROPPED = '''"""A workload that no other file knows of."""

from bench_app.workload import Suffers, Workload

workload = Workload(name="dropped", question="Does anything else have to know of a new workload?")


@workload.variant("sync", suffers=Suffers("thread limit", users=16))
def dropped_sync() -> dict[str, bool]:
    """Answers from a thread, with a label."""
    return {"ok": True}


@workload.variant("async", suffers=Suffers())
async def dropped_async() -> dict[str, bool]:
    """Answers on the loop, with a label that names no cause."""
    return {"ok": True}


@workload.variant("async", name="async_unlabelled")
async def dropped_unlabelled() -> dict[str, bool]:
    """Answers on the loop, without a label."""
    return {"ok": True}
'''

CASES = """
from bench_app.discovery import discover
from harness.causes.known import cases_of

print([case.name for case in cases_of("workloads", discover()) if case.workload == "dropped"])
"""


def test_a_workload_that_is_put_into_the_folder_is_found_and_breaks_no_test(tmp_path: Path):
    tree = copy_tree(tmp_path)
    (tree / "bench_app/workloads/dropped.py").write_text(DROPPED)
    found = run_python(tree, "-c", CASES)
    assert found.stdout == f"{['dropped/sync'] * 2 + ['dropped/async'] * 2}\n", found.stderr
    tests = (
        *("tests/harness/causes/test_known.py", "tests/harness/plan"),
        *("tests/bench_app/test_discovery.py", "tests/bench_app/test_workload.py"),
    )
    done = run_python(tree, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *tests)
    assert done.returncode == 0, done.stdout + done.stderr
