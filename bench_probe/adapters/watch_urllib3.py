"""Times the waits for a free connection of urllib3, which requests uses, and counts its new connections."""

from __future__ import annotations

import sys
from typing import Any

from bench_probe.accounts import RequestAccounts
from bench_probe.adapters.patches import Patches


def install(accounts: RequestAccounts, patches: Patches) -> None:
    """Time `_get_conn`, which waits for a free connection where the pool is one that blocks; count `_new_conn`."""
    pool_class = sys.modules["urllib3"].HTTPConnectionPool
    lease, connect = pool_class._get_conn, pool_class._new_conn

    def timed_lease(self: Any, timeout: float | None = None) -> Any:
        with accounts.call_waiting():
            return lease(self, timeout)

    def counted_connect(self: Any) -> Any:
        accounts.call_connected()
        return connect(self)

    patches.replace(pool_class, "_get_conn", timed_lease)
    patches.replace(pool_class, "_new_conn", counted_connect)
