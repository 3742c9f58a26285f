"""A process of the run: launched on its cores, logged to a file, and ended with the run, however the run ends."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Final

from harness.exceptions import ChildDiedError
from harness.measure.deadline import within

LAUNCHER: Final = Path(__file__).with_name("launcher.py")
PROJECT: Final = Path(__file__).parent.parent.parent
GRACE_S: Final = 5.0
BODY_LIMIT: Final = 1 << 20


class Child:
    """A running process. Leaving its `with` block stops it: first by a signal that it can handle, then by SIGKILL."""

    def __init__(
        self,
        role: str,
        command: Sequence[str],
        *,
        cores: Sequence[int],
        log: Path,
        environment: Mapping[str, str] | None = None,
        piped: bool = False,
        stop_signal: signal.Signals = signal.SIGTERM,
        death_signal: signal.Signals = signal.SIGKILL,
        owner: tuple[int, int] | None = None,
    ) -> None:
        """Launch `command` on `cores`. Its output goes to `log`, except standard output where it is `piped`.

        `stop_signal` asks the process to end. The kernel sends it `death_signal` when this process dies. `owner` is the
        (uid, gid) to run as.
        """
        self.role = role
        self.log = log
        self._stop_signal = stop_signal
        with log.open("ab") as sink:
            # A session of its own, so that Ctrl-C at the terminal reaches only the command line, which then stops
            # the children in order.
            self._process = subprocess.Popen(
                launched(command, cores=cores, death_signal=death_signal, owner=owner),
                stdin=subprocess.PIPE if piped else subprocess.DEVNULL,
                stdout=subprocess.PIPE if piped else sink,
                stderr=sink,
                env=dict(environment) if environment is not None else None,
                cwd=PROJECT,
                start_new_session=True,
            )

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def input(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def output(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def check(self) -> None:
        """Raise ChildDiedError, with the last line of its log, if the process has ended."""
        status = self._process.poll()
        if status is None:
            return
        how = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with exit code {status}"
        raise ChildDiedError(f"The {self.role} {how}{self._last_words()}")

    def _last_words(self) -> str:
        with contextlib.suppress(OSError):
            lines = [line.strip() for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
            if lines:
                return f'; its log ({self.log}) ends with "{lines[-1][:200]}".'
        return f"; its log is {self.log}."

    def stop(self) -> None:
        """Ask the process to end, wait for up to `GRACE_S` seconds, then kill it. Safe to call again."""
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(self._stop_signal)
            try:
                self._process.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        # The process leads a session of its own, so this also kills what it left running there.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def launched(
    command: Sequence[str],
    *,
    cores: Sequence[int],
    death_signal: signal.Signals = signal.SIGKILL,
    owner: tuple[int, int] | None = None,
) -> list[str]:
    """Return the command line that runs `command` through the launcher, as a child that ends with this process."""
    launch = [sys.executable, "-I", "-S", str(LAUNCHER), "--parent", str(os.getpid())]
    launch += ["--death-signal", str(int(death_signal)), "--cores", ",".join(str(core) for core in cores)]
    if owner is not None:
        launch += ["--uid", str(owner[0]), "--gid", str(owner[1])]
    return [*launch, "--", *command]


def fetch(url: str, timeout_s: float) -> bytes:
    """Return the body of the server's answer, without a proxy and cut at a megabyte.

    Raises:
        OSError: there is no HTTP answer, its status is an error, or `timeout_s` seconds have passed.
    """

    def ask() -> bytes:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=timeout_s) as answer:
            body: bytes = answer.read(BODY_LIMIT)
            return body

    try:
        return within(timeout_s, ask)
    except http.client.HTTPException as error:
        raise OSError(f"no HTTP answer ({type(error).__name__})") from None
