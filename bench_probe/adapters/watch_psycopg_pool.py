"""Times the connections of psycopg's pool: the wait and the use of each."""

from __future__ import annotations

import sys
from typing import Any

from bench_probe.accounts import RequestAccounts
from bench_probe.adapters.patches import Patches


def install(accounts: RequestAccounts, patches: Patches) -> None:
    """Time `getconn`, and the use until `putconn`. `pool.connection()` calls both."""
    pool_class = sys.modules["psycopg_pool"].ConnectionPool
    get, put = pool_class.getconn, pool_class.putconn

    def getconn(self: Any, timeout: float | None = None) -> Any:
        with accounts.leasing(self) as began:
            connection = get(self, timeout)
            began(connection)
        return connection

    def putconn(self: Any, connection: Any) -> None:
        accounts.lease_ended(connection)
        put(self, connection)

    patches.replace(pool_class, "getconn", getconn)
    patches.replace(pool_class, "putconn", putconn)
