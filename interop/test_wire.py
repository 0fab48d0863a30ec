"""What our client says on the wire, in which order, and what it never says."""

from __future__ import annotations

import random
import signal

import pytest
from harness.clients import CODE
from harness.recorder import CUT_AFTER, CUT_BEFORE, cut_once
from order import ORDER, assert_causes
from roles import every_client, every_server

pytestmark = pytest.mark.ours

SECRET_TEXT = "the-treasure-is-buried-under-the-old-oak"
SECRET_BLOB = SECRET_TEXT.encode() + random.Random(2).randbytes(4096)
WORDS = ["tradition", "snapshot"]


@every_server
@every_client
def test_the_order_of_an_initiator(server, client, record, name):
    seen = record(server.url)
    initiator = client("ours", seen.url).exchange(b"first")
    client(name, server.url).exchange(b"second", initiator.wait_for(CODE)[1]).succeed()
    initiator.succeed()
    assert seen.by_client() == ["> bind", "> allocate", *ORDER]
    assert_causes(seen)


@every_server
@every_client
def test_the_order_of_a_receiver(server, client, record, name):
    seen = record(server.url)
    initiator = client(name, server.url).exchange(b"first")
    client("ours", seen.url).exchange(b"second", initiator.wait_for(CODE)[1]).succeed()
    initiator.succeed()
    assert seen.by_client() == ["> bind", *ORDER]
    assert_causes(seen)


@every_server
@every_client
def test_the_order_of_a_text(server, client, record, nameplate, name):
    code = f"{nameplate}-{'-'.join(WORDS)}"
    seen, joined = record(server.url), record(server.url)
    sender = client("ours", seen.url).send(SECRET_TEXT, "--code", code)
    client(name, server.url).receive(code).succeed()
    sender.succeed()
    again = client(name, server.url).send(SECRET_TEXT, "--code", code)
    client("ours", joined.url).receive(code).succeed()
    again.succeed()
    for each in (seen, joined):
        assert each.by_client() == ["> bind", *ORDER]
        assert_causes(each)


@every_client
def test_the_shape_of_our_messages(server, client, record, name):
    seen = record(server.url)
    initiator = client("ours", seen.url).exchange(b"first")
    client(name, server.url).exchange(b"second", initiator.wait_for(CODE)[1]).succeed()
    initiator.succeed()
    mine = {said.name.removeprefix("> "): said.message for said in seen.said if said.by_client}
    assert len(bytes.fromhex(mine["bind"]["side"])) >= 5
    implementation, version = mine["bind"]["client_version"]
    assert isinstance(implementation, str) and isinstance(version, str)
    pake = bytes.fromhex(mine["add pake"]["body"])
    assert pake.startswith(b'{"pake_v1"') and len(pake) < 100
    assert len(bytes.fromhex(mine["add 0"]["body"])) == 24 + 16 + len(b"first")
    assert mine["release"]["nameplate"] == mine["claim"]["nameplate"]
    assert mine["close happy"]["mailbox"] == mine["open"]["mailbox"]


@every_client
def test_no_secret_in_clear(server, client, record, nameplate, name):
    code = f"{nameplate}-{'-'.join(WORDS)}"
    seen, joined = record(server.url), record(server.url)
    sender = client("ours", seen.url).send(SECRET_TEXT, "--code", code)
    client("ours", joined.url).receive(code).succeed()
    sender.succeed()
    blobs = client("ours", seen.url).exchange(SECRET_BLOB, code), client(name, joined.url).exchange(SECRET_BLOB[::-1], code)
    assert [side.succeed() for side in blobs] == [SECRET_BLOB[::-1], SECRET_BLOB]
    for captured in (seen.captured(), joined.captured()):
        assert nameplate.encode() in captured, "the search would find nothing"
        for secret in (SECRET_TEXT.encode(), SECRET_BLOB[-32:], SECRET_BLOB[-32:][::-1], *map(str.encode, WORDS)):
            assert secret not in captured
            assert secret.hex().encode() not in captured.lower()


@every_server
def test_interrupted_while_alone_it_says_lonely(server, client, record):
    seen = record(server.url)
    initiator = client("ours", seen.url).exchange(b"nobody comes")
    initiator.wait_for(CODE)
    seen.wait_for("< echo pake")
    initiator.send(signal.SIGINT)
    assert initiator.finish(within=5) != 0
    seen.wait_until_ended()
    assert sorted(seen.by_client()[-2:]) == ["> close lonely", "> release"]
    assert {"< released", "< closed"} <= set(seen.names())


@every_server
@every_client
def test_a_wrong_code_is_told_as_scary(server, client, record, nameplate, name):
    seen, joined = record(server.url), record(server.url)
    sides = client("ours", seen.url).exchange(b"one", f"{nameplate}-a"), client(name, joined.url).exchange(b"other", f"{nameplate}-b")
    for side in sides:
        side.fail()
    for each in (seen, joined):
        each.wait_until_ended()
        assert {"> release", "> close scary", "< released", "< closed"} <= set(each.names())
        assert "> add 0" not in each.names()


@every_server
@every_client
@pytest.mark.parametrize(
    ("where", "how"),
    [("> close scary", CUT_BEFORE), ("> close scary", CUT_AFTER), ("< message version", CUT_AFTER), ("> release", CUT_BEFORE)],
    ids=["close-swallowed", "close-unconfirmed", "just-told", "before-release"],
)
def test_scary_is_told_even_when_the_line_is_cut_right_there(server, client, record, nameplate, name, where, how):
    seen = record(server.url, cut_once(where, how))
    ours = client("ours", seen.url).exchange(b"one", f"{nameplate}-a")
    other = client(name, server.url).exchange(b"other", f"{nameplate}-b")
    ours.fail()
    other.fail()
    assert seen.connections == 2
    told = [said for said in seen.said if said.name == "> close scary"]
    assert told[-1].connection == 1
    assert "< closed" in seen.names() and "< released" in seen.names()
