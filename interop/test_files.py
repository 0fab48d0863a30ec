"""One file, of every awkward size, from every client to every client."""

from __future__ import annotations

import pytest
from files import make_file
from harness.clients import CODE
from roles import every_pair, every_relay, every_server

SIZES = [0, 1, 16383, 16384, 16385, 65535, 65536, 65537]


@every_server
@every_pair
def test_a_file_arrives_under_its_name(server, client, tmp_path, one, other):
    sent = make_file(tmp_path / "there" / "naïve plan 🎩.bin", 300_000)
    (tmp_path / "here").mkdir()
    sender = client(one, server.url).offer(str(sent))
    code = sender.wait_for(CODE)[1]
    client(other, server.url).take(code, cwd=tmp_path / "here").succeed()
    sender.succeed()
    assert [(path.name, path.read_bytes()) for path in (tmp_path / "here").iterdir()] == [(sent.name, sent.read_bytes())]


@every_pair
@pytest.mark.parametrize("size", SIZES)
def test_a_file_of_an_awkward_size_arrives_byte_for_byte(server, client, nameplate, tmp_path, one, other, size):
    moves(client, server, nameplate, tmp_path, one, other, size)


@every_pair
def test_a_large_file_arrives_byte_for_byte(server, client, nameplate, tmp_path, one, other):
    moves(client, server, nameplate, tmp_path, one, other, 50_000_000)


@every_relay
@every_pair
@pytest.mark.parametrize("size", [0, 65537, 5_000_000])
def test_a_file_arrives_through_a_relay(server, relay, client, nameplate, tmp_path, one, other, size):
    """Neither listens: there is no other way."""
    moves(client, server, nameplate, tmp_path, one, other, size, (relay.url, relay.url))


@pytest.mark.ours
@every_relay
@pytest.mark.parametrize("ends", ["both", "sender", "receiver"])
def test_a_file_arrives_through_a_relay_by_websocket(server, relay, client, nameplate, tmp_path, ends):
    """Where one names the WebSocket and the other the port, each tells the other, and either end may take either."""
    ways = {"both": (relay.web_url,) * 2, "sender": (relay.web_url, relay.url), "receiver": (relay.url, relay.web_url)}
    moves(client, server, nameplate, tmp_path, "ours", "ours", 5_000_000, ways[ends])


def moves(client, server, nameplate, tmp_path, one, other, size, relays=(None, None)):
    """Sends a file, and finds it at the other end as it was."""
    sent, got, code = make_file(tmp_path / "sent", size), tmp_path / "got", f"{nameplate}-tradition-snapshot"
    sender, receiver = client(one, server.url), client(other, server.url)
    sender.transit, receiver.transit = relays
    sending = sender.offer(str(sent), "--code", code)
    receiving = receiver.take(code, "-o", str(got))
    receiving.succeed(60)
    sending.succeed(60)
    assert got.read_bytes() == sent.read_bytes()
    if "ours" in (one, other):
        way = r"Through the relay, .*127\.0\.0\.1" if relays[0] else r"Directly, 127\.0\.0\.1"
        (sending if one == "ours" else receiving).wait_for(way)
