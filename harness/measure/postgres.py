"""PostgreSQL: an embedded server, or the user's server, which `--dsn` names. Only this file knows what it contains.

On the user's server, a run touches only a schema of its own, and drops it at the end.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, LiteralString
from urllib.parse import quote, urlencode

import psycopg
from psycopg.conninfo import conninfo_to_dict

from bench_app.settings import SCHEMA
from harness.exceptions import BadInputError
from harness.measure.child import Child
from harness.measure.embedded_postgres import embedded_server

ROWS: Final = 1_000
MARK: Final = "made by async-versus-blocking; safe to drop"
BOTH_READ: Final = {
    *("sslmode", "sslcert", "sslkey", "sslrootcert", "sslcrl", "passfile", "target_session_attrs"),
    *("application_name", "options"),
}
"""What both drivers, or the server itself, read from a connection string beside host, port, user and database."""


@dataclass(frozen=True, slots=True)
class Database:
    """A reachable, seeded database. `dsn` may contain a password, so only the environment of children carries it."""

    dsn: str
    version: str
    embedded: bool
    child: Child | None
    counts_statements: bool

    def statements(self) -> int | None:
        """Return how many statements this user has run in this database so far; None where the server counts none.

        The statements of this method are not counted.
        """
        if not self.counts_statements:
            return None
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            row = connection.execute(
                "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE dbid = "
                "(SELECT oid FROM pg_database WHERE datname = current_database()) "
                "AND userid = (SELECT oid FROM pg_roles WHERE rolname = current_user) "
                "AND query NOT LIKE '%pg_stat_statements%'"
            ).fetchone()
            assert row is not None
            return int(row[0])


@contextlib.contextmanager
def open_database(dsn: str | None, *, connections: int, cores: Sequence[int], logs: Path) -> Iterator[Database]:
    """Open a seeded database: the one that `dsn` names, or an embedded one for `connections` clients at a time.

    Raises:
        BadInputError: the server named by `dsn` cannot be used. The message never contains the password.
        BenchError: the embedded server did not start.
    """
    if dsn is not None:
        with _existing(dsn, connections) as database:
            yield database
    else:
        with embedded_server(connections, cores, logs) as (postmaster, address):
            with psycopg.connect(address, autocommit=True) as connection:
                _seed(connection)
                version = _version(connection)
            yield Database(address, version, embedded=True, child=postmaster, counts_statements=True)


# The user's own server


@contextlib.contextmanager
def _existing(given: str, connections: int) -> Iterator[Database]:
    dsn = as_uri(given)
    password = str(conninfo_to_dict(dsn).get("password") or "")
    try:
        guard = psycopg.connect(dsn, autocommit=True, connect_timeout=5)
    except psycopg.Error as error:
        raise BadInputError(
            f"The database of --dsn does not answer: {_without(password, error)} "
            "Check host, port, name and password, or leave --dsn out to use the embedded server."
        ) from None
    # The lock is held for the whole run, because two runs in one schema would drop each other's table.
    with guard:
        if not _scalar(guard, f"SELECT pg_try_advisory_lock(hashtext('{SCHEMA}'))"):
            raise BadInputError("Another run is using the database of --dsn: wait for its end, or use another one.")
        with _prepared(guard, dsn, password, connections) as database:
            yield database


@contextlib.contextmanager
def _prepared(connection: psycopg.Connection[Any], dsn: str, password: str, connections: int) -> Iterator[Database]:
    try:
        _seed(connection)
        database = Database(
            dsn=dsn,
            version=_version(connection),
            embedded=False,
            child=None,
            counts_statements=_counts_statements(connection),
        )
        limit = int(str(_scalar(connection, "SHOW max_connections")))
    except psycopg.Error as error:
        raise BadInputError(
            f"The database of --dsn cannot be used: {_without(password, error)} "
            f"The user needs the right to create the schema {SCHEMA}."
        ) from None
    if limit < connections:
        raise BadInputError(
            f"The database of --dsn allows {limit} connections and this run may need {connections}: "
            "raise max_connections or lower --users."
        )
    try:
        yield database
    finally:
        with contextlib.suppress(psycopg.Error):
            connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")


def as_uri(given: str) -> str:
    """Return the connection string as a URI, which both drivers read; asyncpg does not read the `key=value` form.

    Raises:
        BadInputError: it has neither form, or sets what asyncpg does not read. The message does not repeat it, because
            it may contain a password.
    """
    try:
        parts = {key: str(value) for key, value in conninfo_to_dict(given).items() if value is not None}
    except psycopg.Error:
        raise BadInputError(
            "--dsn is not a connection string: write it as postgresql://USER:PASSWORD@HOST:PORT/DATABASE."
        ) from None
    user, password = quote(parts.pop("user", ""), safe=""), quote(parts.pop("password", ""), safe="")
    credentials = f"{user}:{password}@" if password else f"{user}@" if user else ""
    hosts, ports = parts.pop("host", "").split(","), parts.pop("port", "").split(",")
    if "@" in "".join(hosts):
        raise BadInputError("--dsn has an @ within its password or user: write it as %40 there.")
    if foreign := sorted(parts.keys() - BOTH_READ - {"dbname"}):
        raise BadInputError(f"--dsn sets {foreign[0]}, which asyncpg does not read: leave it out.")
    if hosts[0].startswith("/"):
        parts["host"], hosts = hosts[0], [""]
        if ports[0]:
            parts["port"], ports = ports[0], [""]
    ports = ports * len(hosts) if len(ports) == 1 else ports
    places = [
        (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")
        for host, port in zip(hosts, ports, strict=False)
    ]
    name = quote(parts.pop("dbname", ""), safe="")
    query = f"?{urlencode(parts, quote_via=quote, safe='')}" if parts else ""
    return f"postgresql://{credentials}{','.join(places)}/{name}{query}"


def _without(password: str, error: Exception) -> str:
    """Return the error on one line without the password, which a driver may quote."""
    text = " ".join(str(error).split())
    if password:
        text = text.replace(password, "***").replace(quote(password, safe=""), "***")
    return text if text.endswith(".") else f"{text}."


def _seed(connection: psycopg.Connection[Any]) -> None:
    """Create the schema and its rows, in place of a schema with our mark, which a run that was killed has left.

    Raises:
        BadInputError: a schema of that name exists without our mark.
    """
    comment = _scalar(
        connection,
        "SELECT coalesce(obj_description(oid, 'pg_namespace'), '') FROM pg_namespace "
        "WHERE nspname = 'bench_async_versus_blocking'",
    )
    if comment is not None and comment != MARK:
        raise BadInputError(
            f"The database of --dsn has a schema {SCHEMA} that this program did not make: rename it or use another one."
        )
    with connection.transaction():
        connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
        connection.execute(f"CREATE SCHEMA {SCHEMA}")
        connection.execute(f"COMMENT ON SCHEMA {SCHEMA} IS '{MARK}'")
        connection.execute(
            f"CREATE TABLE {SCHEMA}.item (id integer PRIMARY KEY, name text NOT NULL, quantity integer NOT NULL)"
        )
        connection.execute(
            f"INSERT INTO {SCHEMA}.item SELECT n, 'item ' || n, n * 7 % 100 FROM generate_series(1, {ROWS}) AS n"
        )
    connection.execute(f"ANALYZE {SCHEMA}.item")


def _counts_statements(connection: psycopg.Connection[Any]) -> bool:
    try:
        connection.execute("SELECT 1 FROM pg_stat_statements LIMIT 1")
    except psycopg.Error:
        return False
    return True


def _version(connection: psycopg.Connection[Any]) -> str:
    return str(_scalar(connection, "SHOW server_version"))


def _scalar(connection: psycopg.Connection[Any], query: LiteralString) -> object:
    row = connection.execute(query).fetchone()
    return None if row is None else row[0]
