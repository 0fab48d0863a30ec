"""The two commands, ours and the Python one, spoken to in the words that they share."""

from __future__ import annotations

from pathlib import Path
from typing import Sequence
from urllib.parse import urlsplit

from .process import Process, Processes
from .proxy import Proxy
from .servers import our_binary, python_tool

CODE = r"(?:Wormhole code is|Allocated code): (\S+)"
"""How both tools show a code that they were given."""

ADVERTISED = "advertised"
"""In place of a transit relay: what the mailbox server's welcome names. The Python tool does not look at that."""

BLOB_APPID = "wormhole-sync.test/blob"
"""The application id of the blob exchanges that name no other."""

BLOB_PEER = Path(__file__).parent.parent / "blob_peer.py"


class Client:
    """One of the two commands, bound to a rendezvous server. Global options stand before the verb, where the Python tool has them."""

    name: str
    listening: tuple[str, ...] = ()
    """Options that keep what listens for the bytes on loopback."""

    def __init__(self, processes: Processes, relay_url: str, appid: str | None = None):
        self._processes = processes
        self.relay_url = relay_url
        self.appid = appid
        self.transit: str | None = None
        """The transit relay; a direct way is not looked for when there is one, nor when it is named as "", for none."""
        self.proxy: Proxy | None = None
        """What everything goes by way of; the Python tool knows no such thing."""

    def send(self, text: str | None, *options: str, **how) -> Process:
        """`send --text`; `None` is a text on standard input."""
        return self._start("send", "--hide-progress", "--no-qr", "--text", "-" if text is None else text, *options, **how)

    def receive(self, *options: str, **how) -> Process:
        return self._start("receive", "--hide-progress", *options, **how)

    def offer(self, *arguments: str, **how) -> Process:
        """`send` of a file or directory."""
        return self._start("send", "--hide-progress", "--no-qr", *self._way(), *arguments, **how)

    def take(self, *arguments: str, **how) -> Process:
        """`receive` of one, without a question."""
        return self._start("receive", "--hide-progress", "--accept-file", *self._way(), *arguments, **how)

    def ssh(self, *arguments: str, home: Path) -> Process:
        """`ssh`, of whoever has this home directory."""
        return self._start("ssh", *arguments, environment={"HOME": str(home)})

    def exchange(self, blob: bytes, code: str | None = None, options: Sequence[str] = ()) -> Process:
        """Gives `blob`, prints the peer's. Without a code it is given one."""
        raise NotImplementedError

    def shows(self, text: str) -> bytes:
        """What `receive` writes on standard output for `text`, when that is not a terminal."""
        raise NotImplementedError

    def _way(self) -> tuple[str, ...]:
        return self.listening if self.transit is None else ("--no-listen",)

    def _command(self) -> list[str]:
        raise NotImplementedError

    def _start(self, *arguments: str, **how) -> Process:
        appid = [] if self.appid is None else ["--appid", self.appid]
        return start_on_loopback(self._processes, [*self._command(), "--relay-url", self.relay_url, *appid, *arguments], **how)


class PythonClient(Client):
    """magic-wormhole. Its `exchange` is a small program on its library."""

    name = "python"

    def _command(self) -> list[str]:
        return [python_tool("wormhole"), "--transit-helper", "tcp:127.0.0.1:9" if self.transit is None else self.transit]

    def exchange(self, blob: bytes, code: str | None = None, options: Sequence[str] = ()) -> Process:
        program = [python_tool("python"), str(BLOB_PEER), "--relay-url", self.relay_url, "--appid", self.appid or BLOB_APPID]
        return start_on_loopback(self._processes, [*program, *(["--code", code] if code else []), *options], stdin=blob)

    def shows(self, text: str) -> bytes:
        return (repr(text)[1:-1] + "\n").encode()


class OurClient(Client):
    """`wormhole` of this project."""

    name = "ours"
    listening = ("--listen=127.0.0.1:0",)

    def _command(self) -> list[str]:
        proxy = ["--proxy", self.proxy.url] if self.proxy else []
        transit = [] if self.transit == ADVERTISED else ["--transit-helper", self.transit or ""]
        return [our_binary(), *proxy, *transit]

    def _start(self, *arguments: str, **how) -> Process:
        if self.transit == ADVERTISED:
            assert self.proxy, "without a proxy that refuses it, a mistake would lead to the public relay"
            how["environment"] = how.get("environment", {}) | {"WORMHOLE_TRANSIT_HELPER": None}
        return super()._start(*arguments, **how)

    def exchange(self, blob: bytes, code: str | None = None, options: Sequence[str] = ()) -> Process:
        program = [*self._command(), "--relay-url", self.relay_url, "--appid", self.appid or BLOB_APPID, "exchange"]
        return start_on_loopback(self._processes, [*program, *options, *([code] if code else [])], stdin=blob)

    def shows(self, text: str) -> bytes:
        return (text + "\n").encode()


CLIENTS = {client.name: client for client in (PythonClient, OurClient)}


def start_on_loopback(processes: Processes, argv: list[str], **how) -> Process:
    """Starts a client, refusing any that is not told of a rendezvous server on this machine."""
    assert "--relay-url" in argv, f"no explicit --relay-url: {argv}"
    for position, argument in enumerate(argv):
        assert not argument.startswith("--relay-url="), f"give the URL as an argument of its own: {argv}"
        if argument == "--relay-url":
            host = urlsplit(argv[position + 1]).hostname
            assert host in ("127.0.0.1", "::1"), f"not loopback: {argv}"
    return processes.start(argv, **how)
