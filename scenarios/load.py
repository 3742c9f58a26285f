"""The load process: Locust without its command line, doing one trial after the other as it is told.

Orders come as JSON lines on standard input, results leave on standard output; the end of the input is the end of the
process. Starting Locust for each trial would cost a second every time.
"""

from __future__ import annotations

import logging
import os
import sys

import gevent
import locust
from gevent.fileobject import FileObjectPosix
from locust.env import Environment
from pydantic import TypeAdapter

from scenarios.protocol import Ready, TrialOrder, TrialResult
from scenarios.trial import run_trial

ORDERS = TypeAdapter(TrialOrder)
RESULTS = TypeAdapter(TrialResult)
GREETING = TypeAdapter(Ready)


def main() -> None:
    """Serve orders until the input ends."""
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr)
    # Whatever else prints must not get between the results.
    results = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    environment = Environment(user_classes=[])
    environment.create_local_runner()
    results.write(GREETING.dump_json(Ready(locust.__version__, gevent.__version__)) + b"\n")
    for line in FileObjectPosix(0, "rb"):
        result = run_trial(environment, ORDERS.validate_json(line))
        results.write(RESULTS.dump_json(result) + b"\n")


if __name__ == "__main__":
    main()
