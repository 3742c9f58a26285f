"""A worker: a load process that joins a run's master and sends its share of each trial."""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import os
import platform
import signal
import sys
import time
from typing import Any, Final

import gevent
import locust.runners
from gevent.event import Event
from locust.env import Environment
from locust.exception import RPCError
from locust.runners import STATE_RUNNING, WorkerRunner

from scenarios.engine.connection import now_ns
from scenarios.runner.engine_version import version
from scenarios.runner.trial import Measurement
from scenarios.runner.worker_group import CONNECTED, GO, HELLO, ORDER, ORDERS, PREPARED, REFUSED, RESULT, RESULTS
from scenarios.wire.protocol import Share

SPAWN_LIMIT_S: Final = 30.0
GO_LIMIT_S: Final = 60.0
POLL_S: Final = 0.005
MASTER_SILENCE_S: Final = 10


class _StoppedError(BaseException):
    """A signal requested the end of this process."""


class Worker:
    """This process as a worker of a master. `refusal` is the reason why the master refused it, or None."""

    def __init__(self, environment: Environment, host: str, port: int) -> None:
        self._environment = environment
        bracketed = f"[{host}]" if ":" in host else host
        # Locust resolves the address again to choose the protocol, and prints an error for the bracketed form.
        with contextlib.redirect_stdout(io.StringIO()):
            self._runner: WorkerRunner = environment.create_worker_runner(bracketed, port)
        # Without this, Locust reads its configuration files during the first trial.
        environment.parsed_options = argparse.Namespace()
        self._go = Event()
        self.refusal: str | None = None
        self._runner.register_message(ORDER, self._trial, concurrent=True)
        self._runner.register_message(GO, lambda **_: self._go.set())
        self._runner.register_message(REFUSED, self._refused)
        name = f"{platform.node()}, process {os.getpid()}"
        self._runner.send_message(HELLO, {"name": name, "version": version()})

    def serve(self) -> bool:
        """Work until the master ends the run or stops responding, and return whether it ended the run."""
        self._runner.greenlet.join()
        heard = self._runner.last_heartbeat_timestamp
        return heard is None or time.time() - heard < MASTER_SILENCE_S

    def leave(self) -> None:
        """Tell the master that this worker leaves."""
        self._environment.events.quitting.fire(environment=self._environment, reverse=True)  # type: ignore[no-untyped-call]  # Locust's
        gevent.sleep(0.1)

    def _refused(self, msg: Any, **_: Any) -> None:
        self.refusal = msg.data["reason"]
        self._runner.quit()

    def _trial(self, msg: Any, **_: Any) -> None:
        order, share = ORDERS.validate_json(msg.data["order"]), Share(msg.data["index"], msg.data["of"])
        runner = self._runner
        self._go.clear()
        measurement = Measurement(order, share)
        self._environment.user_classes[:] = [measurement.user_class]
        runner.send_message(PREPARED)
        try:
            deadline_ns = now_ns() + int(SPAWN_LIMIT_S * 1e9)
            while runner.worker_state != STATE_RUNNING and now_ns() < deadline_ns:
                gevent.sleep(POLL_S)
            measurement.await_users(runner.target_user_count)
            runner.send_message(CONNECTED)
            if not self._go.wait(GO_LIMIT_S):
                return
            result = measurement.measure()
        finally:
            runner.stop()
        runner.send_message(RESULT, {"result": RESULTS.dump_json(result)})
        print(f"{order.name}: {result.answered:,} requests by {runner.target_user_count} users", flush=True)


def main() -> None:
    """Work for the master on the command line, print how that ended, and exit with 0 if the master ended the run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    logging.basicConfig(level=logging.CRITICAL, stream=sys.stderr)
    locust.runners.MASTER_HEARTBEAT_TIMEOUT = MASTER_SILENCE_S
    where = f"{options.host}:{options.port}"
    # While Locust connects, it turns KeyboardInterrupt into an exit of its own, so the signals raise another error.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        gevent.signal_handler(number, gevent.kill, gevent.getcurrent(), _StoppedError)
    print(f"Waiting for the run at {where} …", flush=True)
    worker: Worker | None = None
    try:
        worker = Worker(Environment(user_classes=[]), options.host, options.port)
        print(f"Working for the run at {where}.", flush=True)
        dismissed = worker.serve()
    except (ConnectionError, RPCError):
        sys.exit(f"No run answers at {where}: start the run there first, with --master-bind.")
    except _StoppedError:
        if worker is not None:
            worker.leave()
        print("Stopped.", file=sys.stderr)
        sys.exit(130)
    if worker.refusal is not None:
        sys.exit(f"Refused: {worker.refusal}.")
    if not dismissed:
        sys.exit(f"The run at {where} stopped responding.")
    print("The run is over.", flush=True)


if __name__ == "__main__":
    main()
