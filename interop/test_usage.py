"""The usage database of the Python server, carried on by ours and taken back."""

from __future__ import annotations

import os
import sqlite3

import pytest
from harness.servers import OurServer, PythonServer
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
