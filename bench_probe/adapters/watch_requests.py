"""Times the outbound calls of requests."""

from __future__ import annotations

import sys
from typing import Any

from bench_probe.accounts import RequestAccounts
from bench_probe.adapters.patches import Patches


def install(accounts: RequestAccounts, patches: Patches) -> None:
    """Time `Session.request`."""
    session_class = sys.modules["requests"].Session
    ask = session_class.request

    def timed_request(self: Any, *args: Any, **options: Any) -> Any:
        with accounts.calling():
            return ask(self, *args, **options)

    patches.replace(session_class, "request", timed_request)
