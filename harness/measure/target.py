"""Servers that the user started: where they are, what they offer, and whether they answer."""

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
    """The parts of a URL. `origin` is its server as written; `host` is the numeric address that answered there."""

    origin: str
    authority: str
    host: str
    port: int
    path: str


def find_server(url: str) -> Address:
    """Return the address of the server behind the URL, after it has accepted a connection.

    Raises:
        BadInputError: the URL cannot be loaded, or no server answers there.
    """
    written = url if "://" in url else f"http://{url}"
    try:
        parts = urlsplit(written)
        name, port = parts.hostname, parts.port or HTTP_PORT
    except ValueError as error:
        raise BadInputError(f"--target is not an address ({error}): write it as http://host:port/path.") from None
    if parts.scheme != "http":
        raise BadInputError(
            f"--target uses {parts.scheme}, and only plain http:// can be loaded: give the server's http:// address."
        )
    if parts.username is not None or parts.password is not None:
        raise BadInputError("--target contains a user or a password, which the run would save: take them out.")
    if not name or not written.isascii() or not written.isprintable() or " " in written:
        raise BadInputError("--target is not an address: write it as http://host:port/path, percent-encoded.")
    bracketed = f"[{name}]" if ":" in name else name
    try:
        with socket.create_connection((name, port), timeout=TIMEOUT_S) as connection:
            host: str = connection.getpeername()[0]
    except OSError as error:
        raise BadInputError(
            f"Nothing answers at --target http://{bracketed}:{port} ({error.strerror or error}): "
            "start the server first."
        ) from None
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Address(f"http://{bracketed}:{port}", f"{bracketed}:{port}", host, port, path)


def aimed(plan: Plan, urls: Sequence[str], *, named: bool) -> Plan:
    """Return the plan with these servers in place of one that the run starts.

    A single address of a server of this project keeps those of the plan's workloads that this server has. Any other
    addresses become the variants of one workload, and each but the first is compared with the first. `named` says that
    the user named workloads or variants, which only a server of this project has.

    Raises:
        BadInputError: an address cannot be loaded, or its server has none of the workloads that the user asked for.
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
        raise BadInputError(
            f"--target was given {len(addresses)} times: give it at most {len(string.ascii_lowercase)} times."
        )
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
    """Return the names of the variants that the server lists; none where it is not a server of this project."""
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
            # The run does not know how long the handlers of a server wait that it did not start.
            workloads.append(replace(workload, variants=aimed_at, claims=claims, wait_s=None))
    if not workloads:
        raise BadInputError(
            f"The server at {origin} has none of what was asked for; it offers {', '.join(sorted(offered))}."
        )
    return replace(plan, workloads=tuple(workloads))
