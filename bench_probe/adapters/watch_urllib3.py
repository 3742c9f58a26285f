"""Outbound connections of urllib3, which requests uses: how long a call waits for a free one."""

from __future__ import annotations

import sys
from typing import Any

from bench_probe.accounts import RequestAccounts
from bench_probe.adapters.patches import Patches


def install(accounts: RequestAccounts, patches: Patches) -> None:
    """Time the wait for a connection of a pool that blocks when it is empty."""
    pool_class = sys.modules["urllib3"].HTTPConnectionPool
    lease = pool_class._get_conn

    def timed_lease(self: Any, timeout: float | None = None) -> Any:
        with accounts.call_waiting():
            return lease(self, timeout)

    patches.replace(pool_class, "_get_conn", timed_lease)
