"""`bench.py report`: judge a recorded directory again and write its page, without a server."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from harness.judge import capacity, crossover
from harness.measure.forks import in_forks
from harness.record.run_directory import PAGE
from harness.report.capacity import print_capacities, write_capacities
from harness.report.crossover import print_crossover, write_crossover
from harness.report.page import write_report
from harness.report.terminal import print_findings


def report(directory: Path) -> None:
    """Judge the run, capacity search or crossover search of the directory again, and print the result.

    Raises:
        BadInputError: the directory holds none of them, or one of its files is damaged.
    """
    console = Console(highlight=False)
    if (directory / capacity.FILE).exists():
        capacities = capacity.read_capacities(directory)
        write_capacities(directory, capacities)
        print_capacities(capacities, console)
    elif (directory / crossover.FILE).exists():
        found = crossover.read_crossover(directory)
        write_crossover(directory, found)
        print_crossover(found, console)
    else:
        print_findings(write_report(directory, in_forks), console)
    console.print(f"\nPage: {directory / PAGE}", soft_wrap=True)
