"""Whoever shows the code, and whoever types it."""

import pytest
from harness.clients import CODE

PEERS = ("rust", "blocking", "aio", "twisted", "library")
BLOB = bytes(range(256)) * 20


@pytest.mark.parametrize("initiator", PEERS)
@pytest.mark.parametrize("receiver", PEERS)
def test_each_gets_the_others_blob(exchange, initiator, receiver):
    showing = exchange(initiator, BLOB)
    typing = exchange(receiver, b"\x00receiver's\xff", showing.wait_for(CODE)[1])
    assert typing.succeed() == BLOB
    assert showing.succeed() == b"\x00receiver's\xff"
