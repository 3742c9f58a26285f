"""A process of the run: launched on its cores, logged to a file, and gone when the run is, however that ends."""

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
    """A running process. Leaving its `with` block stops it: politely first, then not."""

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
        """Launch `command` on `cores`; its output goes to `log`, or where `piped` its standard output to a pipe.

        `stop_signal` asks it to end; `death_signal` is sent by the kernel when this process dies; `owner` is the
        (uid, gid) to run as.
        """
        self.role = role
        self.log = log
        self._stop_signal = stop_signal
        with log.open("ab") as sink:
            # A session of its own: Ctrl-C at the terminal is for the command line alone, which then stops the
            # children in order.
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
        """Raise ChildDiedError, with the last line of its log, if the process is no longer there."""
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
        """Ask the process to end, wait a while, then kill it. Safe to call again."""
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(self._stop_signal)
            try:
                self._process.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        # It leads a session of its own; what it left running there goes too.
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
    """The command line that runs `command` through the launcher, as a child of this process and no longer than it."""
    launch = [sys.executable, "-I", "-S", str(LAUNCHER), "--parent", str(os.getpid())]
    launch += ["--death-signal", str(int(death_signal)), "--cores", ",".join(str(core) for core in cores)]
    if owner is not None:
        launch += ["--uid", str(owner[0]), "--gid", str(owner[1])]
    return [*launch, "--", *command]


def fetch(url: str, timeout_s: float) -> bytes:
    """What the server answers, past any proxy and cut at a megabyte; raises OSError, also when the time is up."""

    def ask() -> bytes:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=timeout_s) as answer:
            body: bytes = answer.read(BODY_LIMIT)
            return body

    try:
        return within(timeout_s, ask)
    except http.client.HTTPException as error:
        raise OSError(f"no HTTP answer ({type(error).__name__})") from None
