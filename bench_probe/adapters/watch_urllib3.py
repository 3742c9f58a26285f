"""Times the waits for a free connection of urllib3, which requests uses."""

from __future__ import annotations

import sys
from typing import Any

from bench_probe.accounts import RequestAccounts
from bench_probe.adapters.patches import Patches


def install(accounts: RequestAccounts, patches: Patches) -> None:
    """Time `_get_conn`, which waits for a free connection where the pool is one that blocks."""
    pool_class = sys.modules["urllib3"].HTTPConnectionPool
    lease = pool_class._get_conn

    def timed_lease(self: Any, timeout: float | None = None) -> Any:
        with accounts.call_waiting():
            return lease(self, timeout)

    patches.replace(pool_class, "_get_conn", timed_lease)
