"""Servers that somebody else started: where they are, what they can be asked for, and that they answer at all."""

from __future__ import annotations

import json
import socket
import string
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

from bench_app.paths import CATALOGUE_PATH
from bench_app.workload import Request
from harness.exceptions import BadInputError
from harness.measure.child import fetch
from harness.plan.plan import Plan, PlannedVariant, PlannedWorkload

WORKLOAD: Final = "target"
TIMEOUT_S: Final = 5.0
HTTP_PORT: Final = 80


@dataclass(frozen=True, slots=True)
class Address:
    """Where a URL leads: `origin` is its server as it was written, `host` what answered there, as a number."""

    origin: str
    authority: str
    host: str
    port: int
    path: str


def find_server(url: str) -> Address:
    """The server behind the URL, which accepts connections.

    Raises:
        BadInputError: the URL is none that can be loaded, or nobody answers there.
    """
    written = url if "://" in url else f"http://{url}"
    try:
        parts = urlsplit(written)
        name, port = parts.hostname, parts.port or HTTP_PORT
    except ValueError as error:
        raise BadInputError(f"--target is no address ({error}): write it as http://host:port/path.") from None
    if parts.scheme != "http":
        raise BadInputError(f"--target speaks {parts.scheme}: only plain http:// can be loaded; go past what encrypts.")
    if parts.username is not None or parts.password is not None:
        raise BadInputError("--target holds a user or a password, which would be saved with the run: take them out.")
    if not name or not written.isascii() or not written.isprintable() or " " in written:
        raise BadInputError("--target is no address: write it as http://host:port/path, percent-encoded.")
    bracketed = f"[{name}]" if ":" in name else name
    try:
        with socket.create_connection((name, port), timeout=TIMEOUT_S) as connection:
            host: str = connection.getpeername()[0]
    except OSError as error:
        raise BadInputError(
            f"Nobody answers at --target http://{bracketed}:{port} ({error.strerror or error}): start the server first."
        ) from None
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Address(f"http://{bracketed}:{port}", f"{bracketed}:{port}", host, port, path)


def aimed(plan: Plan, urls: Sequence[str], *, named: bool) -> Plan:
    """The plan with these servers in place of one that the run starts.

    A lone address of a server of this project keeps the plan's workloads, as far as that server has them. Any other
    addresses are the variants of one workload, each but the first compared with the first; `named` says that workloads
    or variants were asked for by name, which only the former can have.

    Raises:
        BadInputError: an address cannot be loaded, or has nothing of what was asked for.
    """
    addresses = [find_server(url) for url in urls]
    if len(addresses) == 1 and addresses[0].path == "/":
        offered = _catalogue(addresses[0].origin)
        if offered:
            return _narrowed(plan, addresses[0].origin, offered)
    if named:
        raise BadInputError(
            "Names of workloads and variants are for a server of this project: leave them out, or give --target the "
            "address of one, without a path."
        )
    if len(addresses) > len(string.ascii_lowercase):
        raise BadInputError(f"--target was given {len(addresses)} times: {len(string.ascii_lowercase)} are the most.")
    names = [WORKLOAD] if len(addresses) == 1 else list(string.ascii_lowercase)
    variants = tuple(
        PlannedVariant(
            name=name,
            kind=None,
            path=address.path,
            against=names[0] if position else None,
            description=f"{address.origin}{address.path}",
            source="",
            origin=address.origin,
        )
        for position, (name, address) in enumerate(zip(names, addresses, strict=False))
    )
    workload = PlannedWorkload(
        name=WORKLOAD,
        question="What do these addresses carry?" if len(addresses) > 1 else "What does this address carry?",
        requests=(Request(),),
        wait_s=None,
        outbound=False,
        needs=frozenset(),
        statement=None,
        claims=(),
        variants=variants,
    )
    return replace(plan, workloads=(workload,))


def _catalogue(origin: str) -> set[str]:
    """The names of the variants that the server says it has; none where it is no server of this project."""
    try:
        entries = json.loads(fetch(origin + CATALOGUE_PATH, TIMEOUT_S))
        return {f"{entry['workload']}/{entry['variant']}" for entry in entries}
    except (OSError, ValueError, TypeError, KeyError):
        return set()


def _narrowed(plan: Plan, origin: str, offered: set[str]) -> Plan:
    workloads = []
    for workload in plan.workloads:
        variants = [variant for variant in workload.variants if f"{workload.name}/{variant.name}" in offered]
        names = {variant.name for variant in variants}
        if names:
            aimed_at = tuple(
                replace(variant, origin=origin, against=variant.against if variant.against in names else None)
                for variant in variants
            )
            claims = tuple(claim for claim in workload.claims if {claim.baseline, claim.contender} <= names)
            # What a server of others waits for, and how its pools are set, nobody here knows.
            workloads.append(replace(workload, variants=aimed_at, claims=claims, wait_s=None))
    if not workloads:
        raise BadInputError(
            f"The server at {origin} has none of what was asked for; it offers {', '.join(sorted(offered))}."
        )
    return replace(plan, workloads=tuple(workloads))
