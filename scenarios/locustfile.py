"""The file for `locust -f` and for the web UI: it defines a user class for each variant of a running server.

It reads the variants from the server's catalogue. The server's address is Locust's `--host` or LOCUST_HOST.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

# Locust adds only this file's directory to the path, and the package is in the directory above.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import gevent
from locust import events
from locust.env import Environment

from scenarios.engine.recorder import Recorder
from scenarios.engine.target import Target
from scenarios.runner.locust_stats import BulkFeed
from scenarios.runner.users import closed_loop_user
from scenarios.wire.protocol import RequestSpec

CATALOGUE_PATH: Final = "/_bench/catalogue"
DEFAULT_HOST: Final = "http://127.0.0.1:8000"


def server_url(arguments: list[str]) -> str:
    """Return the server's address: from Locust's command line, from LOCUST_HOST, or uvicorn's default."""
    for position, argument in enumerate(arguments):
        if argument in ("-H", "--host") and position + 1 < len(arguments):
            return arguments[position + 1]
        if argument.startswith("--host="):
            return argument.partition("=")[2]
    return os.environ.get("LOCUST_HOST", DEFAULT_HOST)


def address(url: str) -> tuple[str, int]:
    """Return the host and the port of an http address."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    return parts.hostname or "127.0.0.1", parts.port or 80


def catalogue(url: str) -> list[dict[str, Any]]:
    """Return the variants of the server at `url`, each with its requests.

    Raises:
        SystemExit: no bench server answers there.
    """
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(url.rstrip("/") + CATALOGUE_PATH, timeout=5) as answer:
            found: list[dict[str, Any]] = json.load(answer)
            return found
    except (OSError, ValueError) as error:
        sys.exit(
            f"No bench server answers at {url} ({error}): run `python bench.py ui`, which starts one with everything "
            "that it needs, or give the address with --host."
        )


def class_name(entry: dict[str, Any]) -> str:
    """Return the name of the user class for an entry of the catalogue."""
    return f"{entry['workload']}_{entry['variant']}".replace("-", "_")


def targets(entries: list[dict[str, Any]], url: str) -> dict[str, Target]:
    """Return a target for each variant, by the name of its user class."""
    host, port = address(url)
    return {
        class_name(entry): Target(
            host, port, tuple(RequestSpec(**request) for request in entry["requests"]), Recorder()
        )
        for entry in entries
    }


ENTRIES: Final = catalogue(server_url(sys.argv))
TARGETS: Final = targets(ENTRIES, server_url(sys.argv))
LABELS: Final = {class_name(entry): f"/{entry['workload']}/{entry['variant']}" for entry in ENTRIES}
for _name, _target in TARGETS.items():
    globals()[_name] = closed_loop_user(_name, _target)


@events.init.add_listener
def feed_locust(environment: Environment, **_: Any) -> None:
    """Start to sweep every target for time-outs and to feed Locust's statistics."""
    feeds = [BulkFeed(environment, LABELS[name], target) for name, target in TARGETS.items()]
    for target, feed in zip(TARGETS.values(), feeds, strict=True):
        gevent.spawn(target.sweep_forever)
        gevent.spawn(feed.run_forever)

    def begin(environment: Environment, **_: Any) -> None:
        for target, feed in zip(TARGETS.values(), feeds, strict=True):
            target.aim(*address(environment.host or server_url(sys.argv)))
            feed.restart()

    def end(**_: Any) -> None:
        for feed in feeds:
            feed.flush()

    environment.events.test_start.add_listener(begin)
    environment.events.test_stop.add_listener(end)
