"""A log handler that takes 5 ms: it blocks the loop, threads wait for its lock, and behind a queue it harms none."""

import logging
import logging.handlers
import queue
import time

from bench_app.workload import Suffers, Workload

RECORD_S = 0.005

workload = Workload(name="logged", question="Is it seen that threads wait for a lock, and where its holder stands?")


class Collector(logging.Handler):
    """A handler for which each record takes a while, as for one on a slow disk."""

    def emit(self, record: logging.LogRecord) -> None:
        """Wait, while the caller holds the handler's lock."""
        time.sleep(RECORD_S)


def _logger(name: str, handler: logging.Handler) -> logging.Logger:
    made = logging.getLogger(name)
    made.propagate = False
    made.setLevel(logging.INFO)
    made.addHandler(handler)
    return made


_records: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
_listener = logging.handlers.QueueListener(_records, logging.NullHandler())
_listener.start()
direct = _logger("bench_app.faults.direct", Collector())
queued = _logger("bench_app.faults.queued", logging.handlers.QueueHandler(_records))


@workload.variant("blocking", suffers=Suffers("loop blocked", "loop blocked", function="emit"))
async def log_on_the_loop() -> dict[str, bool]:
    """Log on the event loop."""
    direct.info("seen")
    return {"ok": True}


@workload.variant("sync", suffers=Suffers("lock convoy", function="emit"))
def log_in_threads() -> dict[str, bool]:
    """Log in worker threads, of which one at a time gets through."""
    direct.info("seen")
    return {"ok": True}


@workload.variant("async", suffers=Suffers("CPU"))
async def log_through_a_queue() -> dict[str, bool]:
    """Put the record into a queue, which another thread empties."""
    queued.info("seen")
    return {"ok": True}
