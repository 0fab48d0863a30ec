"""The server dies or restarts while clients wait, at each moment that they can wait in. Nobody notices."""

from __future__ import annotations

import signal

import pytest
from harness.clients import CODE
from harness.servers import MailboxServer
from roles import every_mortal_server, every_pair


def restart(server: MailboxServer, how: str = "kill") -> None:
    """Killed (`kill`) or asked to end (`stop`), it is back on its port with its database."""
    getattr(server, how)()
    server.start()


@every_mortal_server
@every_pair
@pytest.mark.parametrize("how", ["kill", "stop"])
def test_as_soon_as_the_initiator_has_its_code(mortal_server, client, how, one, other):
    initiator = client(one, mortal_server.url).exchange(b"from the first")
    code = initiator.wait_for(CODE)[1]
    restart(mortal_server, how)
    receiver = client(other, mortal_server.url).exchange(b"from the second", code)
    assert receiver.succeed() == b"from the first"
    assert initiator.succeed() == b"from the second"


@every_mortal_server
@every_pair
def test_while_one_waits_for_its_peer_and_the_other_has_not_typed_its_code(mortal_server, client, record, one, other):
    seen, joined = record(mortal_server.url), record(mortal_server.url)
    sender = client(one, seen.url).send("patience", "--code", "7-tradition-snapshot")
    receiver = client(other, joined.url)
    receiving = receiver.receive(stdin="terminal")
    seen.wait_for("< echo pake")
    receiving.wait_for("Enter receive wormhole code")
    assert "> claim" not in joined.names()
    restart(mortal_server)
    receiving.type("7-tradition-snapshot")
    assert receiver.shows("patience") in receiving.succeed()
    sender.succeed()


@every_mortal_server
@every_pair
def test_between_the_key_and_its_confirmation(mortal_server, client, record, one, other):
    seen, joined = record(mortal_server.url), record(mortal_server.url)
    initiator = client(one, seen.url).exchange(b"from the first")
    code = initiator.wait_for(CODE)[1]
    seen.wait_for("< echo pake")
    initiator.send(signal.SIGSTOP)
    receiver = client(other, joined.url).exchange(b"from the second", code)
    joined.wait_for("< echo version")
    restart(mortal_server)
    initiator.send(signal.SIGCONT)
    assert receiver.succeed() == b"from the first"
    assert initiator.succeed() == b"from the second"


@every_mortal_server
@every_pair
def test_twice_in_a_row(mortal_server, client, record, one, other):
    seen = record(mortal_server.url)
    initiator = client(one, seen.url).exchange(b"from the first", "7-tradition-snapshot")
    seen.wait_for("< echo pake")
    restart(mortal_server)
    seen.wait_for("< echo pake", times=2)
    restart(mortal_server)
    receiver = client(other, mortal_server.url).exchange(b"from the second", "7-tradition-snapshot")
    assert receiver.succeed() == b"from the first"
    assert initiator.succeed() == b"from the second"

