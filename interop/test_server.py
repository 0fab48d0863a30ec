"""What a server says that no exchange shows: its welcome, its lists."""

from __future__ import annotations

import pytest
from harness.servers import SERVERS
from harness.websocket import RawClient
from roles import every_client, every_server

every_kind_of_server = pytest.mark.parametrize("kind", list(SERVERS))


@every_server
def test_a_list_is_answered_even_where_it_is_not_allowed(server):
    """A client that completes nameplates takes an error for the end."""
    watcher = RawClient(server.port)
    watcher.say("bind", appid="wormhole-sync.test/list", side="watcher")
    nameplate = watcher.ask("allocate", "allocated")["nameplate"]
    listed = watcher.ask("list", "nameplates")["nameplates"]
    assert listed in ([], [{"id": nameplate}])
    watcher.ask("claim", "claimed", nameplate=nameplate)
    watcher.ask("release", "released")
    watcher.close()


@every_server
def test_the_welcome_names_the_clients_address(server):
    watcher = RawClient(server.port)
    address = watcher.welcome["welcome"]["your-address"]
    assert address["ipv4"] == "127.0.0.1" and isinstance(address["port"], int)
    watcher.close()


@every_kind_of_server
@every_client
def test_the_message_of_the_day_is_shown(kind, client, processes, tmp_path, name):
    server = SERVERS[kind](processes, tmp_path / "database", ["--motd", "the bridge is closed on Sunday"])
    code = "7-tradition-snapshot"
    sides = client(name, server.url).send("hello", "--code", code), client("python", server.url).receive(code)
    for side in sides:
        side.succeed()
        side.wait_for("the bridge is closed on Sunday")


@every_kind_of_server
@every_client
def test_a_server_that_turns_everybody_away_says_why(kind, client, processes, tmp_path, name):
    server = SERVERS[kind](processes, tmp_path / "database", [SERVERS[kind].turn_away, "we are moving house"])
    turned_away = client(name, server.url).exchange(b"", "7-tradition-snapshot")
    turned_away.fail()
    turned_away.wait_for("we are moving house")
