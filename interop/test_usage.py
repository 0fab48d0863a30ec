"""The usage databases of the Python servers, carried on by ours and taken back."""

from __future__ import annotations

import os
import sqlite3
import time

import pytest
from harness.relay import Link
from harness.servers import OurRelay, OurServer, PythonRelay, PythonServer
from harness.websocket import RawClient


def meet(port: int, app: str) -> None:
    """Two clients meet, and both are happy."""
    sides = [RawClient(port), RawClient(port)]
    for number, client in enumerate(sides):
        client.say("bind", appid=app, side=f"side{number}", client_version=["cross-test", "1"])
        mailbox = client.ask("claim", "claimed", nameplate="4")["mailbox"]
        client.say("open", mailbox=mailbox)
    for client in sides:
        client.ask("release", "released")
    for client in sides:
        client.ask("close", "closed", mood="happy")
        client.close()


@pytest.mark.skipif(os.environ.get("INTEROP_WITHOUT_OURS") == "1", reason="ours is one of the two")
def test_a_usage_database_goes_from_the_python_server_to_ours_and_back(processes, tmp_path):
    usage = tmp_path / "usage.sqlite"
    begun = []
    for server, options in (
        (PythonServer, []),
        (OurServer, ["--set", f"usage.mailbox={usage}"]),
        (PythonServer, []),
    ):
        running = server(processes, tmp_path, options)
        meet(running.port, f"wormhole-sync.test/usage{len(begun)}")
        running.stop()
        assert not running.complaints()
        begun.append(f"wormhole-sync.test/usage{len(begun)}")
    database = sqlite3.connect(usage)
    for table, result in (("nameplates", "happy"), ("mailboxes", "happy")):
        rows = database.execute(f"SELECT app_id, result FROM {table} ORDER BY app_id").fetchall()
        assert rows == [(app, result) for app in begun], table
    versions = database.execute("SELECT DISTINCT app_id, implementation, version FROM client_versions ORDER BY app_id")
    assert versions.fetchall() == [(app, "cross-test", "1") for app in begun]
    assert database.execute("SELECT version FROM version").fetchall() == [(2,)]
    assert len(database.execute("SELECT * FROM current").fetchall()) == 1


def come_and_go(relay) -> None:
    """A link for each mood that both relays know."""

    def line(side: str) -> bytes:
        return f"please relay {token} for side {side * 16}\n".encode()

    token = os.urandom(32).hex()
    one, other = Link(relay, line("a")), Link(relay, line("b"))
    for link in (one, other):
        assert link.hear(3) == b"ok\n"
    one.say(b"there")
    assert other.hear(5) == b"there"
    one.close()
    assert other.rest() == b""
    token = os.urandom(32).hex()
    lonely = Link(relay, line("a"))
    time.sleep(0.1)  # its line is read
    lonely.close()
    assert Link(relay, b"please relay me\n").rest() == b"bad handshake\n"
    token = os.urandom(32).hex()
    assert Link(relay, line("a") + b"x").rest() == b"impatient\n"
    Link(relay).close()


def noted(usage, known: int) -> list:
    """What was written down of them, when all of it is there."""
    until = time.monotonic() + 20
    while True:
        database = sqlite3.connect(usage)
        rows = database.execute("SELECT result, waiting_time IS NULL, total_bytes FROM usage").fetchall()
        database.close()
        if len(rows) >= known + 5 or time.monotonic() > until:
            return sorted(rows[known:])
        time.sleep(0.1)


@pytest.mark.skipif(os.environ.get("INTEROP_WITHOUT_OURS") == "1", reason="ours is one of the two")
def test_the_relays_write_the_same_of_the_same_into_one_database(processes, tmp_path):
    usage = tmp_path / "usage.sqlite"
    theirs, ours = [f"--usage-db={usage}"], ["--set", f"usage.relay={usage}", "--set", "usage.blur="]
    written = []
    for relay, options in ((PythonRelay, theirs), (OurRelay, ours), (PythonRelay, theirs)):
        running = relay(processes, options)
        come_and_go(running)
        written.append(noted(usage, 5 * len(written)))
        running.stop()
    assert [result for result, _, _ in written[0]] == ["empty", "errory", "happy", "impatient", "lonely"]
    assert written[1] == written[0]
    assert written[2] == written[0]
    database = sqlite3.connect(usage)
    assert database.execute("SELECT version FROM version").fetchall() == [(1,)]
    assert len(database.execute("SELECT * FROM current").fetchall()) == 1
