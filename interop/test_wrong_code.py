"""A guess that fails: both sides hear of it, and there is no second one."""

from __future__ import annotations

import pytest
from harness.websocket import RawClient
from roles import every_pair, every_server

APPID = "lothar.com/wormhole/text-or-file-xfer"
NOTICE = r"(?i)key confirmation failed|WrongPasswordError|codes do not match"
"""How the Python tool, the small program on its library, and we say it."""


@every_server
@every_pair
def test_both_sides_are_told(server, client, nameplate, one, other):
    sender = client(one, server.url).send("not for you", "--code", f"{nameplate}-tradition-snapshot")
    receiver = client(other, server.url).receive(f"{nameplate}-tradition-spellbind")
    sender.fail()
    receiver.fail()
    sender.wait_for(NOTICE)
    receiver.wait_for(NOTICE)
    assert b"not for you" not in receiver.stdout


@every_pair
def test_both_blob_sides_are_told(server, client, nameplate, one, other):
    sides = [client(one, server.url).exchange(b"mine", f"{nameplate}-a"), client(other, server.url).exchange(b"mine too", f"{nameplate}-b")]
    for side in sides:
        side.fail()
        side.wait_for(NOTICE)
        assert side.stdout == b""


@every_server
@every_pair
def test_the_nameplate_is_burned(server, client, nameplate, one, other):
    watcher = RawClient(server.port)
    watcher.say("bind", appid=APPID, side="watcher")
    sender = client(one, server.url).send("not for you", "--code", f"{nameplate}-tradition-snapshot")
    client(other, server.url).receive(f"{nameplate}-tradition-spellbind").fail()
    sender.fail()
    fresh = watcher.ask("claim", "claimed", nameplate=nameplate)["mailbox"]
    watcher.say("open", mailbox=fresh)
    assert watcher.messages_so_far() == []
    watcher.ask("release", "released")
    watcher.ask("close", "closed", mood="lonely")
    watcher.close()


@pytest.mark.ours
@every_server
def test_a_second_guess_at_the_right_code_meets_nobody(server, client, nameplate):
    sender = client("ours", server.url).send("not for you", "--code", f"{nameplate}-tradition-snapshot")
    client("ours", server.url).receive(f"{nameplate}-tradition-spellbind").fail()
    sender.fail()
    second = client("ours", server.url).receive(f"{nameplate}-tradition-snapshot")
    with pytest.raises(AssertionError, match="still running"):
        second.finish(within=1.5)
    assert second.stdout == b""
