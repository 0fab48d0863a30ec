"""An HTTP proxy that lets its client through to some ports of this machine and to nothing else, and counts what passes."""

from __future__ import annotations

import collections
import socket
import threading

from .recorder import hang_up
from .websocket import Ended, Stream


LOOPBACK = "127.1"
"""Loopback, in a form that the system's resolver knows and our client takes for a name, which is its proxy's to look up:
127.0.0.1 it reaches without the proxy."""


class Proxy:
    """What is refused, a public server's name as well, is not looked up: a client behind it reaches `ports` of `LOOPBACK`,
    what it is told to reach on 127.0.0.1, and nothing else."""

    def __init__(self, ports: tuple[int, ...]):
        self._through = {f"{LOOPBACK}:{port}": port for port in ports}
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = [self._listener]
        self._counting = threading.Lock()
        self.carried: collections.Counter[int] = collections.Counter()
        """Bytes in both directions, by port."""
        self.refused: list[str] = []
        """Where else the client wanted to go, as `HOST:PORT`."""
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        for each in self._sockets:
            hang_up(each)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._sockets.append(client)
            threading.Thread(target=self._lead, args=(client,), daemon=True).start()

    def _lead(self, client: socket.socket) -> None:
        try:
            head = Stream(client).until(b"\r\n\r\n")
            method, place, _ = head.split(b"\r\n")[0].decode().split(" ")
            port = self._through.get(place) if method == "CONNECT" else None
            if port is None:
                self.refused.append(place)
                client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                hang_up(client)
                return
            server = socket.create_connection(("127.0.0.1", port), 5)
            self._sockets.append(server)
            server.settimeout(None)
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        except (OSError, Ended):
            hang_up(client)
            return
        for source, target in ((client, server), (server, client)):
            target.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._pump, args=(source, target, port), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, port: int) -> None:
        try:
            while chunk := source.recv(1 << 16):
                with self._counting:
                    self.carried[port] += len(chunk)
                target.sendall(chunk)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            hang_up(source)
            hang_up(target)
