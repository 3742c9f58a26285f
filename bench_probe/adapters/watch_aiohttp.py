"""Times aiohttp's outbound calls and their waits for a free connection, and counts its new connections."""

from __future__ import annotations

import sys
from typing import Any

from bench_probe.accounts import RequestAccounts
from bench_probe.adapters.patches import Patches


def install(accounts: RequestAccounts, patches: Patches) -> None:
    """Time `ClientSession._request`, and the connector's wait while all connections are in use; count new ones."""
    aiohttp = sys.modules["aiohttp"]
    ask, wait = aiohttp.ClientSession._request, aiohttp.BaseConnector._wait_for_available_connection
    connect = aiohttp.TCPConnector._create_connection

    async def timed_request(self: Any, *args: Any, **options: Any) -> Any:
        with accounts.calling():
            return await ask(self, *args, **options)

    async def timed_wait(self: Any, *args: Any) -> None:
        with accounts.call_waiting():
            await wait(self, *args)

    async def counted_connect(self: Any, *args: Any, **options: Any) -> Any:
        accounts.call_connected()
        return await connect(self, *args, **options)

    patches.replace(aiohttp.TCPConnector, "_create_connection", counted_connect)
    patches.replace(aiohttp.ClientSession, "_request", timed_request)
    patches.replace(aiohttp.BaseConnector, "_wait_for_available_connection", timed_wait)
