"""The load process: Locust without its command line, doing one trial after the other as it is told.

Orders come as JSON lines on standard input, results leave on standard output; the end of the input is the end of the
process. Starting Locust for each trial would cost a second every time. With `--workers` it only leads: others do it.
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

from scenarios.runner.identity import version
from scenarios.runner.trial import run_trial
from scenarios.runner.worker_group import WorkerGroup, WorkersLostError
from scenarios.wire.protocol import Joined, Ready, TrialOrder, TrialResult

ORDERS = TypeAdapter(TrialOrder)
RESULTS = TypeAdapter(TrialResult)
GREETING = TypeAdapter(Ready)
JOINED = TypeAdapter(Joined)


def main() -> None:
    """Serve orders until the input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=0, help="let so many workers do the load; 0: do it here")
    parser.add_argument("--bind", default="127.0.0.1", help="address at which workers join")
    parser.add_argument("--port", type=int, default=0, help="port at which workers join; default: any free one")
    options = parser.parse_args()
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr)
    # Whatever else prints must not get between the results.
    results = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    environment, engine = Environment(user_classes=[]), version()
    if not options.workers:
        environment.create_local_runner()
        _greet(results, engine, None)
        _serve(results, partial(run_trial, environment))
        return
    group = WorkerGroup(environment, options.bind, options.port, engine)
    # Ended without a word, the workers would wait for a while whether it comes back.
    gevent.signal_handler(signal.SIGTERM, gevent.kill, gevent.getcurrent(), gevent.GreenletExit)
    try:
        _greet(results, engine, group.port)
        group.joined(options.workers, lambda joined: _tell(results, joined))
        _serve(results, group.run)
    except WorkersLostError:
        sys.exit("every load process was lost")
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
