"""A proxy between a client and a mailbox server that writes down every message, and can cut the line at a chosen one."""

from __future__ import annotations

import json
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import Callable
from urllib.parse import urlsplit

from .process import PATIENCE
from .websocket import CLOSE, TEXT, Ended, Frame, Stream

PASS, CUT_BEFORE, CUT_AFTER = "pass", "cut before", "cut after"
"""What a rule can have done with a message: CUT_BEFORE swallows it and drops both ends, CUT_AFTER delivers it first."""


@dataclass
class Said:
    """One message of the mailbox protocol, by whom, on which connection (counted from 0)."""

    connection: int
    by_client: bool
    echo: bool
    message: dict

    @property
    def name(self) -> str:
        """`> add pake`, `> close happy` from the client; `< claimed`, `< message pake` from the server.

        A message of the client's own that comes back is an `echo`: `< echo pake`.
        """
        kind = "echo" if self.echo else self.message["type"]
        detail = self.message.get("phase") or self.message.get("mood") or ""
        return f"{'>' if self.by_client else '<'} {kind} {detail}".rstrip()


@dataclass
class Recorder:
    """Listens on loopback on behalf of `upstream`. `rule` sees each message before it goes on, and decides.

    `faults` collects what no client and no server may do on this wire.
    """

    upstream: str
    rule: Callable[[Said], str] | None = None
    said: list[Said] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._changed = threading.Condition()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = [self._listener]
        self._side: str | None = None
        self.connections = 0
        self.ended = 0
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self._listener.getsockname()[1]}/v1"

    def names(self, connection: int | None = None) -> list[str]:
        """Everything that was said, in order, on one connection or all; acks, pings and pongs apart."""
        with self._changed:
            here = [said for said in self.said if connection in (None, said.connection)]
        return [said.name for said in here if said.message["type"] not in ("ack", "ping", "pong")]

    def by_client(self, connection: int | None = None) -> list[str]:
        """Those of `names` that the client said."""
        return [name for name in self.names(connection) if name.startswith(">")]

    def wait_for(self, name: str, times: int = 1, within: float = PATIENCE) -> None:
        """Waits until `name` has been said so many times."""
        with self._changed:
            came = self._changed.wait_for(lambda: [said.name for said in self.said].count(name) >= times, within)
        assert came, f"{name!r} did not come {times} times: {self.names()}"

    def wait_until_ended(self, within: float = PATIENCE) -> None:
        """Waits until every connection so far is over, so that the record is whole."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.ended == self.connections, within), "a connection stayed open"

    def captured(self) -> bytes:
        """All bytes that passed, unmasked, and each hexadecimal body once more as the bytes that it stands for."""
        with self._changed:
            bodies = [bytes.fromhex(said.message["body"]) for said in self.said if "body" in said.message]
            return b"\n".join(self.raw + bodies)

    def close(self) -> None:
        for each in self._sockets:
            hang_up(each)

    def _accept(self) -> None:
        where = urlsplit(self.upstream)
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection((where.hostname, where.port), 5)
            except OSError:
                client.close()
                continue
            for each in (client, server):
                each.settimeout(None)
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets += [client, server]
            with self._changed:
                number, self.connections = self.connections, self.connections + 1
            ends = Ends(number, client, server)
            for by_client in (True, False):
                threading.Thread(target=self._pump, args=(ends, by_client), daemon=True).start()

    def _pump(self, ends: "Ends", by_client: bool) -> None:
        source, target = (ends.client, ends.server) if by_client else (ends.server, ends.client)
        stream = Stream(source)
        try:
            opening = stream.until(b"\r\n\r\n")
            self._note(opening)
            target.sendall(opening)
            while self._forward(stream.frame(), target, ends.number, by_client):
                pass
        except (Ended, OSError):
            pass
        hang_up(ends.client)
        hang_up(ends.server)
        with self._changed:
            ends.pumps -= 1
            self.ended += ends.pumps == 0
            self._changed.notify_all()

    def _forward(self, frame: Frame, target: socket.socket, connection: int, by_client: bool) -> bool:
        self._note(frame.payload)
        action = self._judge(frame, connection, by_client)
        if action != CUT_BEFORE:
            target.sendall(frame.raw)
        return action == PASS

    def _judge(self, frame: Frame, connection: int, by_client: bool) -> str:
        if frame.opcode >= CLOSE:
            return PASS
        if frame.opcode != TEXT or not frame.final or frame.reserved or frame.masked != by_client:
            self._fault(f"{'client' if by_client else 'server'} sent opcode {frame.opcode}, final {frame.final}, masked {frame.masked}")
            return PASS
        message = json.loads(frame.payload)
        if message["type"] == "bind":
            self._side = message["side"]
        echo = message["type"] == "message" and message["side"] == self._side
        said = Said(connection, by_client, echo, message)
        action = self.rule(said) if self.rule else PASS
        with self._changed:
            self.said.append(said)
            self._changed.notify_all()
        return action

    def _note(self, data: bytes) -> None:
        with self._changed:
            self.raw.append(data)

    def _fault(self, what: str) -> None:
        with self._changed:
            self.faults.append(what)


@dataclass
class Ends:
    """Both sockets of one connection, and how many of its two directions still run."""

    number: int
    client: socket.socket
    server: socket.socket
    pumps: int = 2


def hang_up(each: socket.socket) -> None:
    """Ends a connection in both directions and wakes whoever reads from it."""
    try:
        each.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    each.close()


def cut_once(name: str, action: str) -> Callable[[Said], str]:
    """A rule that cuts at the first message of that name, and only there."""
    left = [name]

    def rule(said: Said) -> str:
        if left != [said.name]:
            return PASS
        left.clear()
        return action

    return rule
