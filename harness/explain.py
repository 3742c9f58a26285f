"""What held a cell back, in words, from its bound and from where the CPU went."""

from __future__ import annotations

from typing import Final

from harness.summary import Cell

NEAR_BOUND: Final = 0.85
FULL_CORE: Final = 0.90


def cause(cell: Cell) -> str | None:
    """What set the pace of this cell, with its evidence; None where nothing seen explains it.

    A bound that was nearly reached comes first, because a waiting server has CPU to spare; then a full core.
    """
    if cell.bound is not None and cell.bound_share is not None and cell.bound_share >= NEAR_BOUND:
        return f"{cell.bound.limit}: {cell.bound_share:.0%} of {cell.bound.formula} = {cell.bound.rps:,.0f} req/s"
    if cell.server_cpu is not None and cell.server_cpu >= FULL_CORE:
        return f"the server's core is full{_cost(cell)}"
    if cell.variant.origin is None and cell.load_core_busy is not None and cell.load_core_busy >= FULL_CORE:
        return f"the core that load and services share is {cell.load_core_busy:.0%} busy"
    return None


def _cost(cell: Cell) -> str:
    if cell.server_cpu is None or cell.throughput_rps is None:
        return ""
    return f": {cell.server_cpu / cell.throughput_rps.value * 1e6:,.0f} µs of CPU a request"
