"""A child process that cannot outlive its test, whose output can be waited for."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import subprocess
import termios
import threading
import time
from pathlib import Path

PATIENCE = 20.0
"""Seconds that a single awaited thing may take; generous, because the tests share a small machine."""


class Process:
    """A running command with its output collected as it comes.

    `stdin` is the bytes that it reads, `"pipe"` for input written later, or `"terminal"` for a pseudo-terminal that
    is also its controlling one. Standard output and standard error are always pipes. A variable of `environment` that
    is `None` is none, whatever all processes have there.
    """

    def __init__(self, argv: list[str], home: Path, stdin: bytes | str = b"", environment: dict[str, str | None] | None = None, cwd: Path | None = None):
        self.argv = argv
        self.started = time.monotonic()
        self._changed = threading.Condition()
        self._output = {"stdout": bytearray(), "stderr": bytearray(), "terminal": bytearray()}
        self._open = {"stdout", "stderr"}
        self._terminal: int | None = None
        variables = private_environment(home) | (environment or {})
        self._child = self._spawn(stdin, {name: value for name, value in variables.items() if value is not None}, cwd or home)
        for stream in ("stdout", "stderr"):
            self._collect(stream, getattr(self._child, stream).fileno())
        if self._terminal is not None:
            self._collect("terminal", self._terminal)
        if isinstance(stdin, bytes):
            threading.Thread(target=self._feed, args=(stdin,), daemon=True).start()

    def _spawn(self, stdin: bytes | str, environment: dict[str, str], directory: Path) -> subprocess.Popen:
        common = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": environment, "cwd": directory, "start_new_session": True}
        if stdin != "terminal":
            return subprocess.Popen(self.argv, stdin=subprocess.PIPE, **common)
        self._terminal, inner = pty.openpty()
        child = subprocess.Popen(self.argv, stdin=inner, preexec_fn=lambda: fcntl.ioctl(inner, termios.TIOCSCTTY, 0), **common)
        os.close(inner)
        return child

    def _feed(self, data: bytes) -> None:
        try:
            self._child.stdin.write(data)
            self._child.stdin.close()
        except OSError:
            pass  # it did not want to read; what it says about that is the test's business

    def _collect(self, stream: str, descriptor: int) -> None:
        def pump() -> None:
            while True:
                try:
                    chunk = os.read(descriptor, 65536)
                except OSError:
                    chunk = b""
                with self._changed:
                    self._output[stream] += chunk
                    if not chunk:
                        self._open.discard(stream)
                    self._changed.notify_all()
                if not chunk:
                    return

        threading.Thread(target=pump, daemon=True).start()

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def running(self) -> bool:
        return self._child.poll() is None

    @property
    def stdout(self) -> bytes:
        return bytes(self._output["stdout"])

    @property
    def stderr(self) -> str:
        return self._output["stderr"].decode("utf-8", "replace")

    def said(self) -> str:
        """Everything that it wrote for a person: on standard error, standard output and the terminal."""
        return "\n".join(bytes(text).decode("utf-8", "replace") for text in self._output.values())

    def type(self, line: str) -> None:
        """Types a line, with its newline, on the terminal or into the open pipe."""
        if self._terminal is not None:
            os.write(self._terminal, line.encode() + b"\r")
        else:
            self._child.stdin.write(line.encode() + b"\n")
            self._child.stdin.flush()

    def wait_for(self, pattern: str, within: float = PATIENCE) -> re.Match[str]:
        """The first match of `pattern` in what it said, waiting for it."""
        deadline = time.monotonic() + within
        with self._changed:
            while True:
                found = re.search(pattern, self.said())
                if found:
                    return found
                remaining = deadline - time.monotonic()
                if remaining <= 0 or not (self._open or self.running):
                    raise AssertionError(f"never said {pattern!r}\n{self.report()}")
                self._changed.wait(min(remaining, 0.5))

    def finish(self, within: float = PATIENCE) -> int:
        """Its exit code, once it has ended and all its output is here."""
        deadline = time.monotonic() + within
        with self._changed:  # the end of its output is noticed at once; Popen.wait polls in steps of up to 50 ms
            self._changed.wait_for(lambda: not self._open, within)
        try:
            return self._child.wait(max(0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {within} s\n{self.report()}") from None

    def succeed(self, within: float = PATIENCE) -> bytes:
        """Its standard output, asserting that it ended well."""
        code = self.finish(within)
        assert code == 0, f"exit code {code}\n{self.report()}"
        return self.stdout

    def fail(self, within: float = PATIENCE) -> int:
        """Its exit code, asserting that it ended by itself and not well."""
        code = self.finish(within)
        assert code > 0, f"exit code {code}, expected an orderly failure\n{self.report()}"
        return code

    def send(self, which: signal.Signals) -> None:
        self._child.send_signal(which)

    def kill(self) -> None:
        """Ends it and everything that it started, for certain."""
        try:
            os.killpg(self._child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._child.wait()
        if self._terminal is not None:
            os.close(self._terminal)
            self._terminal = None

    def report(self) -> str:
        """What a failure shows: the command, and the tail of all that it said."""
        state = "running" if self.running else f"exit code {self._child.returncode}"
        return f"--- {' '.join(self.argv)} ({state}, {time.monotonic() - self.started:.1f} s)\n{self.said()[-4000:]}"


class Processes:
    """All processes of one test; `close` ends them, whatever happened."""

    def __init__(self, home: Path):
        self.home = home
        self.all: list[Process] = []

    def start(self, argv: list[str], **options) -> Process:
        process = Process(argv, self.home, **options)
        self.all.append(process)
        return process

    def close(self) -> None:
        for process in self.all:
            process.kill()


def private_environment(home: Path) -> dict[str, str]:
    """An environment with a home of its own; a relay URL that somebody forgot to give leads to a closed local port."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_DATA_HOME": str(home / "data"),
        "XDG_STATE_HOME": str(home / "state"),
        "XDG_CACHE_HOME": str(home / "cache"),
        "XDG_RUNTIME_DIR": str(home / "run"),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TERM": "dumb",
        "NO_COLOR": "1",
        "PYTHONUNBUFFERED": "1",
        "WORMHOLE_RELAY_URL": "ws://127.0.0.1:9/v1",
        "WORMHOLE_TRANSIT_HELPER": "tcp:127.0.0.1:9",
        "WORMHOLE_LOCAL_INTERFACE": "loopback",
    }
