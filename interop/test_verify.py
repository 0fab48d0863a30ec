"""The verifier: the same on both sides, and a "no" that the peer hears of."""

from __future__ import annotations

import pytest
from roles import every_pair

VERIFIER = r"(?i)verifier:? ([0-9a-f]{64})"


def pair(client, server, one, other, nameplate):
    """A sender and a receiver that both verify, each at a terminal."""
    code = f"{nameplate}-tradition-snapshot"
    sender = client(one, server.url).send("compared", "--verify", "--code", code, stdin="terminal")
    receiver = client(other, server.url).receive("--verify", code, stdin="terminal")
    return sender, receiver


def asks(name: str, role: str) -> bool:
    """The Python receiver only shows the verifier; everybody else asks."""
    return name == "ours" or role == "sender"


@every_pair
def test_both_see_the_same_verifier_and_agree(server, client, nameplate, one, other):
    sender, receiver = pair(client, server, one, other, nameplate)
    assert sender.wait_for(VERIFIER)[1].lower() == receiver.wait_for(VERIFIER)[1].lower()
    sender.type("yes")
    if asks(other, "receiver"):
        receiver.type("yes")
    assert receiver.succeed().rstrip().endswith(b"compared")
    sender.succeed()


@every_pair
def test_the_sender_says_no(server, client, nameplate, one, other):
    sender, receiver = pair(client, server, one, other, nameplate)
    sender.wait_for(VERIFIER)
    receiver.wait_for(VERIFIER)
    sender.type("no")
    sender.fail()
    if asks(other, "receiver"):
        receiver.type("yes")
    receiver.fail()
    assert b"compared" not in receiver.stdout


@pytest.mark.ours
@pytest.mark.parametrize("one", ["python", "ours"])
def test_our_receiver_says_no(server, client, nameplate, one):
    sender, receiver = pair(client, server, one, "ours", nameplate)
    sender.wait_for(VERIFIER)
    receiver.wait_for(VERIFIER)
    receiver.type("no")
    receiver.fail()
    sender.type("yes")
    sender.fail()
    assert b"compared" not in receiver.stdout
