"""Two computations in C: one that releases the GIL, and one that keeps it; each on the loop and in threads."""

import hashlib
import re

from bench_app.workload import Suffers, Workload

ROUNDS = 60_000
TEXT = "a1b2 " * 80_000
WORD = re.compile(r"(\w+)\s")

workload = Workload(name="hashed", question="Is a busy core told from a GIL that threads keep?")


def digest() -> int:
    """Derive a key for about 20 ms, without the GIL."""
    return len(hashlib.pbkdf2_hmac("sha256", b"secret", b"0" * 16, ROUNDS))


def words() -> int:
    """Find words for about 10 ms, with the GIL: in one call into C."""
    return len(WORD.findall(TEXT))


def computes_in(function: str) -> Suffers:
    """Return the label of a variant that computes on the event loop in this function."""
    return Suffers("loop computing", "loop computing", function=function, users=16)


@workload.variant("blocking", name="digest_on_loop", against="digest_in_threads", suffers=computes_in("digest"))
async def digest_on_loop() -> dict[str, bool]:
    """Derive a key on the event loop."""
    return {"ok": digest() > 0}


@workload.variant("sync", name="digest_in_threads", suffers=Suffers("CPU"))
def digest_in_threads() -> dict[str, bool]:
    """Derive a key in a worker thread, which releases the GIL meanwhile."""
    return {"ok": digest() > 0}


@workload.variant("blocking", name="words_on_loop", against="words_in_threads", suffers=computes_in("words"))
async def words_on_loop() -> dict[str, bool]:
    """Find words on the event loop."""
    return {"ok": words() > 0}


@workload.variant("sync", name="words_in_threads", suffers=Suffers("threads hold the GIL"))
def words_in_threads() -> dict[str, bool]:
    """Find words in a worker thread, which keeps the GIL meanwhile."""
    return {"ok": words() > 0}
