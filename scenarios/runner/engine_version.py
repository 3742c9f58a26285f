"""Identifies the load engine: processes may share a trial only if their versions are equal."""

from __future__ import annotations

import hashlib
from pathlib import Path

import gevent
import locust


def version() -> str:
    """Return the versions of Locust and gevent, and a digest of this package's sources, as one string."""
    digest = hashlib.sha256()
    package = Path(__file__).parent.parent
    for source in sorted(package.rglob("*.py")):
        digest.update(str(source.relative_to(package)).encode() + b"\0" + source.read_bytes() + b"\0")
    return f"locust {locust.__version__}, gevent {gevent.__version__}, engine {digest.hexdigest()[:12]}"
