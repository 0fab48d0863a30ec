"""A third claimant is turned away, and harms nobody but itself."""

from __future__ import annotations

import signal

import pytest
from harness.clients import CLIENTS
from roles import every_pair, every_server


@every_server
@every_pair
@pytest.mark.parametrize("third", list(CLIENTS))
def test_the_honest_two_finish(server, client, record, nameplate, one, other, third):
    code = f"{nameplate}-tradition-snapshot"
    seen, joined = record(server.url), record(server.url)
    sender = client(one, seen.url).send("for one of you", "--code", code)
    seen.wait_for("< echo pake")
    sender.send(signal.SIGSTOP)  # it has claimed, and will not release before it goes on
    receiver = client(other, joined.url)
    receiving = receiver.receive(code)
    joined.wait_for("< echo version")
    turned_away = client(third, server.url).receive(code)
    turned_away.fail()
    assert turned_away.stdout == b""
    turned_away.wait_for("(?i)crowded|third|two others|already (in use|taken)")
    sender.send(signal.SIGCONT)
    assert receiving.succeed() == receiver.shows("for one of you")
    sender.succeed()
