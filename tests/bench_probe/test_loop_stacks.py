"""Which line holds the loop: the application's own, as it is found on a stack, and as samples count it."""

import sys
import sysconfig
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import bench_probe.telemetry
from bench_probe.accounts import RequestAccounts
from bench_probe.application import Application
from bench_probe.loop_stacks import LoopStacks, Site, site_of
from tests.bench_probe import diagnosed
from tests.bench_probe.diagnosed import LOOPS, WAIT_S, accounts
from tests.tree import PROJECT

HERE = Path(__file__)


def site_of_a_waiting_thread(application: Application) -> Site | None:
    """The site of a function of this file that waits in the standard library."""
    over = threading.Event()

    def waits() -> None:
        over.wait(5)  # whatever stands here is no part of the line

    thread = threading.Thread(target=waits)
    thread.start()
    assert thread.ident is not None
    while (frame := sys._current_frames()[thread.ident]).f_code.co_name != "wait":
        time.sleep(0.001)
    found = site_of(frame, "/a/b", application)
    over.set()
    thread.join()
    return found


def test_the_innermost_line_of_its_own_is_named_with_the_call_that_it_waits_in():
    found = site_of_a_waiting_thread(Application(root=PROJECT))
    assert found is not None
    assert (found.route, found.file, found.function) == ("/a/b", str(HERE.relative_to(PROJECT)), "waits")
    assert (found.source, found.call, found.serialising) == ("over.wait(5)", "threading.py:Condition.wait", False)


def test_a_stack_without_a_line_of_its_own_has_no_site(tmp_path: Path):
    assert site_of_a_waiting_thread(Application([tmp_path])) is None
    assert site_of_a_waiting_thread(Application(excluded=[HERE])) is None


def site_of_a_stack(*calls: tuple[str, str]) -> Site | None:
    """The site of these calls, each as (file, function) and the outermost first, to an application that owns none."""
    nobodys = Application([PROJECT / "nowhere"])

    def seen_from_here() -> Site | None:
        return site_of(sys._getframe(1), "/a/b", nobodys)

    innermost: Callable[[], Site | None] = seen_from_here
    for file, function in reversed(calls):
        names: dict[str, Any] = {"inner": innermost}
        exec(compile(f"def {function}(): return inner()", f"/installed/{file}", "exec"), names)
        innermost = names[function]
    return innermost()


def test_the_line_that_serialises_an_answer_is_named_though_it_is_fastapis():
    found = site_of_a_stack(
        ("fastapi/routing.py", "app"),
        ("fastapi/routing.py", "serialize_response"),
        ("fastapi/encoders.py", "jsonable_encoder"),
        ("json/encoder.py", "encode"),
    )
    assert found is not None
    assert (found.file, found.function, found.serialising) == ("encoders.py", "jsonable_encoder", True)
    assert found.call == "encoder.py:encode"


@pytest.mark.parametrize(
    "calls",
    [
        [("fastapi/routing.py", "app"), ("fastapi/dependencies/utils.py", "solve_dependencies")],
        [("jinja2/environment.py", "render"), ("jinja2/runtime.py", "call")],
    ],
    ids=["fastapi does something else", "something else renders"],
)
def test_installed_code_that_makes_no_answer_has_no_site(calls: list[tuple[str, str]]):
    assert site_of_a_stack(*calls) is None


def test_an_application_owns_neither_installed_files_nor_those_of_the_probe():
    application = Application()
    assert application.owns(__file__)
    assert not application.owns(threading.__file__)
    assert not application.owns(pytest.__file__)
    assert not application.owns(str(bench_probe.telemetry.__file__))
    assert not application.owns("<string>")


def test_an_application_that_is_installed_owns_what_lies_below_its_roots():
    installed = Path(sysconfig.get_paths()["purelib"])
    application = Application([installed / "shop"])
    assert application.owns(str((installed / "shop").resolve() / "routes.py"))
    assert not application.owns(str((installed / "shopkeeper").resolve() / "routes.py"))
    assert not application.owns(__file__)


def test_a_file_outside_of_the_root_is_shown_without_its_folder(tmp_path: Path):
    application = Application(root=tmp_path)
    assert application.spelled(str(tmp_path / "routers" / "items.py")) == str(Path("routers", "items.py"))
    assert application.spelled("/elsewhere/items.py") == "items.py"


def test_a_loop_that_no_request_holds_is_sampled_and_never_busy():
    stacks = LoopStacks(RequestAccounts(), threading.get_ident())
    with stacks.sampling():
        while not stacks.samples:
            time.sleep(0.001)
    assert stacks.totals() == {"samples": stacks.samples, "busy": 0, "sites": []}


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(
    ("path", "function"), [("/blocks/directly", "blocks_directly"), ("/blocks/gathered", "blocking_child")]
)
def test_the_line_that_blocks_is_the_applications_own(path: str, function: str, loop: str):
    """Through a middleware, inside a child of a gather, on either loop."""
    account, stacks = accounts(path, loop=loop)
    site = stacks["sites"][0]
    assert (site["route"], site["function"], site["source"]) == (path, function, "time.sleep(WAIT_S)")
    assert site["file"] == str(Path(diagnosed.__file__).relative_to(PROJECT))
    assert account["long_stepping"] > 0.9 * WAIT_S * 1e9


def test_the_making_of_an_answer_is_told_from_what_the_handler_does():
    """There is a middleware of the application's further out on the same stack."""
    _, made_by_fastapi = accounts("/lists/returned")
    _, made_by_handler = accounts("/lists/encoded")
    assert made_by_fastapi["sites"][0]["serialising"]
    assert not made_by_handler["sites"][0]["serialising"]
    assert made_by_handler["sites"][0]["function"] == "encodes_a_list"
