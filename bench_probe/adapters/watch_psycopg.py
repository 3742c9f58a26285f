"""Times new psycopg connections that are made without a pool."""

from __future__ import annotations

import sys
from typing import Any

from bench_probe.accounts import RequestAccounts
from bench_probe.adapters.patches import Patches


def install(accounts: RequestAccounts, patches: Patches) -> None:
    """Time `psycopg.connect`."""
    psycopg = sys.modules["psycopg"]
    connect = psycopg.connect

    def timed_connect(*args: Any, **options: Any) -> Any:
        with accounts.connecting():
            return connect(*args, **options)

    patches.replace(psycopg, "connect", timed_connect)
