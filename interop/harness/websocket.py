"""As much of RFC 6455 as the recorder and the raw client need: frames, and a client's side of the opening."""

from __future__ import annotations

import base64
import json
import os
import socket
import struct
from dataclasses import dataclass

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA


class Ended(Exception):
    """The stream ended, at or inside a frame."""


@dataclass
class Frame:
    """One frame, as it was on the wire (`raw`) and unmasked (`payload`)."""

    final: bool
    reserved: int
    opcode: int
    masked: bool
    payload: bytes
    raw: bytes


class Stream:
    """Exact reads from a socket."""

    def __init__(self, connection: socket.socket):
        self._connection = connection
        self._buffer = b""

    def until(self, mark: bytes) -> bytes:
        while mark not in self._buffer:
            self._fill()
        end = self._buffer.index(mark) + len(mark)
        return self.exactly(end)

    def exactly(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._fill()
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    def frame(self) -> Frame:
        head = self.exactly(2)
        length, raw = head[1] & 0x7F, head
        if length >= 126:
            extended = self.exactly(2 if length == 126 else 8)
            length, raw = int.from_bytes(extended, "big"), raw + extended
        masked = bool(head[1] & 0x80)
        mask = self.exactly(4) if masked else b""
        body = self.exactly(length)
        return Frame(bool(head[0] & 0x80), head[0] & 0x70, head[0] & 0x0F, masked, unmask(body, mask), raw + mask + body)

    def _fill(self) -> None:
        try:
            chunk = self._connection.recv(65536)
        except OSError as error:
            raise Ended from error
        if not chunk:
            raise Ended
        self._buffer += chunk


def unmask(body: bytes, mask: bytes) -> bytes:
    """`body` with `mask` (four bytes, or none) put on or taken off."""
    if not mask or not body:
        return body
    key = (mask * (len(body) // 4 + 1))[: len(body)]
    return (int.from_bytes(body, "big") ^ int.from_bytes(key, "big")).to_bytes(len(body), "big")


class RawClient:
    """A client that says exactly what a test tells it to, for looking at a server from outside."""

    def __init__(self, port: int):
        self._socket = socket.create_connection(("127.0.0.1", port), 10)
        key = base64.b64encode(os.urandom(16)).decode()
        self._socket.sendall(
            f"GET /v1 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        self._stream = Stream(self._socket)
        answer = self._stream.until(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 101 "), answer
        self.welcome = self.expect("welcome")

    def say(self, kind: str, **fields) -> None:
        data, mask = json.dumps({"type": kind, **fields}).encode(), os.urandom(4)
        length = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + struct.pack(">H", len(data))
        self._socket.sendall(bytes([0x80 | TEXT]) + length + mask + unmask(data, mask))

    def expect(self, kind: str) -> dict:
        """The next message of type `kind`; any other on the way except an ack is a failure."""
        while True:
            frame = self._stream.frame()
            if frame.opcode != TEXT:
                continue
            message = json.loads(frame.payload)
            if message["type"] == "ack":
                continue
            assert message["type"] == kind, message
            return message

    def ask(self, kind: str, answer: str, **fields) -> dict:
        self.say(kind, **fields)
        return self.expect(answer)

    def messages_so_far(self) -> list[dict]:
        """Everything before the answer to a ping that is asked now."""
        self.say("ping", ping="here")
        seen = []
        while True:
            frame = self._stream.frame()
            message = json.loads(frame.payload) if frame.opcode == TEXT else {"type": "ack"}
            if message["type"] == "pong":
                return seen
            if message["type"] != "ack":
                seen.append(message)

    def close(self) -> None:
        self._socket.close()
