"""`bench.py list`: show every workload and what its variants do."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from bench_app.discovery import discover
from harness.report.terminal import workload_table


def show(folder: Path | None) -> None:
    """Print the built-in workloads, and those of the folder if there is one.

    Raises:
        WorkloadError: a workload file cannot be used.
    """
    Console().print(workload_table(discover(folder=folder).values()))
