"""The adapters: only what is imported is watched, everything is undone, and nothing stops the server."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from bench_probe.accounts import RequestAccounts
from bench_probe.adapters import ADAPTERS, watching
from bench_probe.adapters.patches import Patches
from tests.conftest import PROJECT


def test_what_was_replaced_is_put_back_in_reverse():
    owner = SimpleNamespace(call="original")
    with Patches() as patches:
        patches.replace(owner, "call", "first")
        patches.replace(owner, "call", "second")
        assert owner.call == "second"
    assert owner.call == "original"


def test_what_somebody_else_replaced_meanwhile_stays():
    owner = SimpleNamespace(call="original")
    with Patches() as patches:
        patches.replace(owner, "call", "ours")
        owner.call = "theirs"
    assert owner.call == "theirs"


def test_an_adapter_that_fails_is_undone_and_told_and_the_others_watch(monkeypatch: pytest.MonkeyPatch):
    import anyio.to_thread
    import requests

    original, run_sync = requests.Session.request, anyio.to_thread.run_sync

    def broken(accounts: RequestAccounts, patches: Patches) -> None:
        patches.replace(requests.Session, "request", None)
        raise AttributeError("another version of it")

    monkeypatch.setattr("bench_probe.adapters.watch_requests.install", broken)
    with watching(RequestAccounts()) as failed:
        assert failed == {"requests": "AttributeError: another version of it"}
        assert requests.Session.request is original
        assert anyio.to_thread.run_sync is not run_sync
    assert anyio.to_thread.run_sync is run_sync


def test_a_server_without_any_of_the_libraries_is_watched_with_the_standard_library_alone():
    """In an interpreter that sees no installed package at all."""
    check = (
        "import asyncio, sys, pathlib\n"
        "from bench_probe.probe import Probe\n"
        "async def app(scope, receive, send): await asyncio.sleep(0.01)\n"
        "async def main():\n"
        "    probe = Probe(sys.argv[1], 'diagnose')\n"
        "    wrapped = probe.wrap(app)\n"
        "    with probe.watching():\n"
        "        await wrapped({'type': 'http', 'path': '/a/b/c', 'headers': []}, None, None)\n"
        "        await asyncio.sleep(0.2)\n"
        "asyncio.run(main())\n"
        "third = [name for name in sys.modules if name.partition('.')[0] in "
        "('anyio', 'fastapi', 'starlette', 'asyncpg', 'psycopg', 'aiohttp', 'requests', 'urllib3', 'pydantic')]\n"
        "print(third)\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(PROJECT)!r})\n{check}", "/dev/null/x"],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_every_adapter_has_a_file_of_its_name():
    files = {path.stem.removeprefix("watch_") for path in (PROJECT / "bench_probe/adapters").glob("watch_*.py")}
    assert files == set(ADAPTERS)
