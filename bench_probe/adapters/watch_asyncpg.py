"""Times asyncpg's pooled connections (the wait and the use of each), and new connections."""

from __future__ import annotations

import sys
from typing import Any

from bench_probe.accounts import RequestAccounts
from bench_probe.adapters.patches import Patches


def install(accounts: RequestAccounts, patches: Patches) -> None:
    """Time `async with pool.acquire()`, and `asyncpg.connect`."""
    asyncpg, context = sys.modules["asyncpg"], sys.modules["asyncpg.pool"].PoolAcquireContext
    enter, leave, connect = context.__aenter__, context.__aexit__, asyncpg.connect

    async def aenter(self: Any) -> Any:
        with accounts.leasing(self.pool) as began:
            connection = await enter(self)
            began(connection)
        return connection

    async def aexit(self: Any, *error: Any) -> None:
        accounts.lease_ended(self.connection)
        await leave(self, *error)

    async def timed_connect(*args: Any, **options: Any) -> Any:
        with accounts.connecting():
            return await connect(*args, **options)

    patches.replace(context, "__aenter__", aenter)
    patches.replace(context, "__aexit__", aexit)
    patches.replace(asyncpg, "connect", timed_connect)
