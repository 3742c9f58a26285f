"""The load process: Locust without its command line, which runs one trial after the other.

It reads orders as JSON lines from standard input, writes results to standard output, and exits at the end of the input.
One process runs all trials, because starting Locust takes a second. With `--workers` it leads a worker group, which
sends the requests.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from typing import BinaryIO

import gevent
import locust
from gevent.fileobject import FileObjectPosix
from locust.env import Environment
from pydantic import TypeAdapter

from scenarios.runner.engine_version import version
from scenarios.runner.trial import run_trial
from scenarios.runner.worker_group import WorkerGroup, WorkersLostError
from scenarios.wire.protocol import Joined, Ready, TrialOrder, TrialResult

ORDERS = TypeAdapter(TrialOrder)
RESULTS = TypeAdapter(TrialResult)
GREETING = TypeAdapter(Ready)
JOINED = TypeAdapter(Joined)


def main() -> None:
    """Run the orders from standard input until it ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--workers", type=int, default=0, help="number of worker processes that send the load (0: this one sends it)"
    )
    parser.add_argument("--bind", default="127.0.0.1", help="address on which to accept workers")
    parser.add_argument("--port", type=int, default=0, help="port on which to accept workers (0: any free one)")
    options = parser.parse_args()
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr)
    # Other output must not mix with the results, so standard output becomes standard error for all other code.
    results = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    environment, engine = Environment(user_classes=[]), version()
    if not options.workers:
        environment.create_local_runner()
        _greet(results, engine, None)
        _serve(results, partial(run_trial, environment))
        return
    group = WorkerGroup(environment, options.bind, options.port, engine)
    # Without a goodbye, the workers would wait for some seconds for this process to come back.
    gevent.signal_handler(signal.SIGTERM, gevent.kill, gevent.getcurrent(), gevent.GreenletExit)
    try:
        _greet(results, engine, group.port)
        group.joined(options.workers, lambda joined: _tell(results, joined))
        _serve(results, group.run)
    except WorkersLostError:
        sys.exit("every worker process was lost")
    except gevent.GreenletExit:
        pass
    finally:
        group.dismiss()


def _greet(results: BinaryIO, engine: str, port: int | None) -> None:
    ready = Ready(locust.__version__, gevent.__version__, engine, port)
    results.write(GREETING.dump_json(ready) + b"\n")


def _tell(results: BinaryIO, joined: Joined) -> None:
    results.write(JOINED.dump_json(joined) + b"\n")


def _serve(results: BinaryIO, run: Callable[[TrialOrder], TrialResult]) -> None:
    for line in FileObjectPosix(0, "rb"):
        results.write(RESULTS.dump_json(run(ORDERS.validate_json(line))) + b"\n")


if __name__ == "__main__":
    main()
