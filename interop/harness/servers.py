"""The two mailbox servers and the two relays, each on a port of loopback that the system chose, and able to die and come back."""

from __future__ import annotations

import os
import re
import signal
import sys
import urllib.request
from pathlib import Path
from typing import Sequence

from .process import Process, Processes


class MailboxServer:
    """A running server. Restarted, it has the port and the database that it had."""

    name: str
    listening: str
    turn_away: str
    """The option with the reason for which every client is to leave."""
    stopped: tuple[int, ...] = (0,)
    """Exit codes after a termination signal."""

    def __init__(self, processes: Processes, directory: Path, options: Sequence[str] = ()):
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.options = options
        self._processes = processes
        self.port = 0
        self.start()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/v1"

    def start(self) -> None:
        self.process: Process = self._processes.start([*self.command(), *self.options])
        self.port = int(self.process.wait_for(self.listening)[1])

    def kill(self) -> None:
        """The power fails."""
        self.process.kill()

    def stop(self) -> None:
        """It is asked to end, and does."""
        self.process.send(signal.SIGTERM)
        assert self.process.finish() in self.stopped, self.process.report()

    def command(self) -> list[str]:
        raise NotImplementedError

    def complaints(self) -> list[str]:
        """Lines of its log that show an internal failure."""
        return [line for line in self.process.said().splitlines() if re.search(r"Traceback|Unhandled|panicked", line)]


class PythonServer(MailboxServer):
    """magic-wormhole-mailbox-server, with its databases on disk."""

    name = "python-server"
    listening = r"Site starting on (\d+)"
    turn_away = "--signal-error"
    stopped = (0, -signal.SIGTERM)

    def command(self) -> list[str]:
        return [
            python_tool("twist"),
            "wormhole-mailbox",
            f"--port=tcp:{self.port}:interface=127.0.0.1",
            f"--channel-db={self.directory / 'channel.sqlite'}",
            f"--usage-db={self.directory / 'usage.sqlite'}",
        ]


class OurServer(MailboxServer):
    """`wormhole serve mailbox`, with its database on disk."""

    name = "our-server"
    listening = r"listening on ws://127\.0\.0\.1:(\d+)/v1"
    turn_away = "--welcome-error"

    def command(self) -> list[str]:
        return [our_binary(), "serve", "mailbox", "--listen", f"127.0.0.1:{self.port}", "--db", str(self.directory / "mailbox.sqlite")]


class Relay:
    """A transit relay, at a port of its own protocol and at one of WebSockets."""

    name: str
    listening: str
    websocket: str

    def __init__(self, processes: Processes, options: Sequence[str] = ()):
        self.process = processes.start([*self.command(), *options])
        self.port = int(self.process.wait_for(self.listening)[1])
        self.web_port = int(self.process.wait_for(self.websocket)[1])
        self.url = f"tcp:127.0.0.1:{self.port}"
        self.web_url = f"ws://127.0.0.1:{self.web_port}/"

    def command(self) -> list[str]:
        raise NotImplementedError

    def stop(self) -> None:
        """It is asked to end, and does."""
        self.process.send(signal.SIGTERM)
        assert self.process.finish() in (0, -signal.SIGTERM), self.process.report()


class PythonRelay(Relay):
    """magic-wormhole-transit-relay."""

    name = "python-relay"
    listening = r"(?<!Socket)ServerFactory starting on (\d+)"
    websocket = r"WebSocketServerFactory starting on (\d+)"

    def command(self) -> list[str]:
        doors = ["--port=tcp:0:interface=127.0.0.1", "--websocket=tcp:0:interface=127.0.0.1", "--websocket-url=ws://127.0.0.1:4002/"]
        return [python_tool("twist"), "transitrelay", *doors]


class OurRelay(Relay):
    """`wormhole serve relay`."""

    name = "our-relay"
    listening = r"listening on tcp:127\.0\.0\.1:(\d+)"
    websocket = r"listening on ws://127\.0\.0\.1:(\d+)/relay"

    def command(self) -> list[str]:
        doors = ["--relay-listen", "127.0.0.1:0", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]
        return [our_binary(), "serve", "relay", *doors]

    def metric(self, name: str) -> int:
        """What it counts under this name, with its labels, for its operator."""
        place = self.process.wait_for(r"listening on (http://127\.0\.0\.1:\d+)/status")[1]
        with urllib.request.urlopen(f"{place}/metrics", timeout=10) as answer:
            told = answer.read().decode()
        return int(re.search(rf"^{re.escape(name)} (\d+)$", told, re.MULTILINE)[1])


SERVERS = {server.name: server for server in (PythonServer, OurServer)}
RELAYS = {relay.name: relay for relay in (PythonRelay, OurRelay)}


def our_binary() -> str:
    """The binary under test, which must be there."""
    binary = os.environ.get("WORMHOLE_BIN", "")
    assert binary and os.access(binary, os.X_OK), "WORMHOLE_BIN names no executable; run the tests through interop/run"
    return binary


def python_tool(name: str) -> str:
    """A command of the virtual environment INTEROP_VENV, or else of the one that this interpreter belongs to."""
    venv = os.environ.get("INTEROP_VENV")
    return str((Path(venv) / "bin" if venv else Path(sys.executable).parent) / name)
