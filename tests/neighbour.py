"""A neighbour: another route of the same server, under a load of its own."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from harness.machine.placement import place, usable_cores
from harness.measure.load import open_load
from harness.plan.address import HOST
from scenarios.wire.protocol import ClosedLoop, OpenLoop, RequestSpec, TrialOrder


@contextlib.contextmanager
def beside(port: int, folder: Path, path: str, load: ClosedLoop | OpenLoop, *, lasts_s: float = 2.0) -> Iterator[None]:
    """Load this path while the block runs, for `lasts_s` seconds or a little longer."""
    order = TrialOrder(
        name="beside",
        host=HOST,
        port=port,
        requests=(RequestSpec(path),),
        load=load,
        warmup_s=0.2,
        window_s=lasts_s - 0.2,
        drain_s=3.0,
        timeout_s=30.0,
    )
    with open_load(cores=place(usable_cores()).load, logs=folder) as other:
        other.await_ready()
        thread = threading.Thread(target=other.run, args=(order, lambda: None))
        thread.start()
        try:
            yield
        finally:
            thread.join()
