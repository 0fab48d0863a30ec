"""Links to a transit relay that say exactly what a test tells them to, by TCP and by WebSocket."""

from __future__ import annotations

import base64
import os
import socket

from .servers import Relay
from .websocket import BINARY, CLOSE, Ended, Stream, unmask


class Link:
    """By TCP."""

    def __init__(self, relay: Relay, said: bytes = b""):
        self._socket = socket.create_connection(("127.0.0.1", self._port(relay)), 20)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._stream = Stream(self._socket)
        self._open()
        if said:
            self.say(said)

    def say(self, said: bytes) -> None:
        self._socket.sendall(said)

    def hear(self, count: int) -> bytes:
        """So many bytes."""
        return self._stream.exactly(count)

    def rest(self) -> bytes:
        """Everything until the relay closes."""
        heard = b""
        try:
            while True:
                heard += self.hear(1)
        except Ended as ended:
            assert not isinstance(ended.__cause__, TimeoutError), f"the relay does not close; it said {heard!r}"
            return heard

    def close(self) -> None:
        self._socket.close()

    def _port(self, relay: Relay) -> int:
        return relay.port

    def _open(self) -> None:
        pass


class WebSocketLink(Link):
    """By WebSocket: what is said is one binary message."""

    def say(self, said: bytes) -> None:
        mask = os.urandom(4)
        length = bytes([0x80 | len(said)]) if len(said) < 126 else b"\xfe" + len(said).to_bytes(2, "big")
        self._socket.sendall(bytes([0x80 | BINARY]) + length + mask + unmask(said, mask))

    def hear(self, count: int) -> bytes:
        while len(self._heard) < count:
            self._heard += self.message()
        heard, self._heard = self._heard[:count], self._heard[count:]
        return heard

    def message(self) -> bytes:
        """The next whole message."""
        while True:
            frame = self._stream.frame()
            if frame.opcode == CLOSE:
                raise Ended
            if frame.opcode == BINARY:
                return frame.payload

    def _port(self, relay: Relay) -> int:
        return relay.web_port

    def _open(self) -> None:
        self._heard = b""
        key = base64.b64encode(os.urandom(16)).decode()
        self._socket.sendall(
            f"GET / HTTP/1.1\r\nHost: 127.0.0.1:4002\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        answer = self._stream.until(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 101 "), answer


LINKS = {"tcp": Link, "websocket": WebSocketLink}
