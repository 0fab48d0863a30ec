"""The primitive: one blob each way, against a small program on the Python library."""

from __future__ import annotations

import random

import pytest
from harness.clients import CODE
from roles import every_client, every_pair, every_server

BINARY = random.Random(1).randbytes(64 << 10)
BLOBS = {"empty-and-one-byte": (b"", b"\0"), "one-byte-and-binary": (b"\xff", BINARY), "binary-and-empty": (BINARY, b"")}


@every_server
@every_pair
@pytest.mark.parametrize("which", list(BLOBS))
def test_each_gets_the_others_blob_exactly(server, client, one, other, which):
    first, second = BLOBS[which]
    initiator = client(one, server.url).exchange(first)
    receiver = client(other, server.url).exchange(second, initiator.wait_for(CODE)[1])
    assert receiver.succeed() == first
    assert initiator.succeed() == second


@every_pair
def test_both_choose_the_code_and_start_at_once(server, client, nameplate, one, other):
    code = f"{nameplate}-tradition-snapshot"
    sides = client(one, server.url).exchange(b"one", code), client(other, server.url).exchange(b"other", code)
    assert [side.succeed() for side in sides] == [b"other", b"one"]


@every_pair
def test_a_unicode_application_and_a_unicode_code(server, client, nameplate, one, other):
    code, appid = f"{nameplate}-kočka-škoda", "exämple.com/schlüssel"
    sides = client(one, server.url, appid).exchange(b"one", code), client(other, server.url, appid).exchange(b"other", code)
    assert [side.succeed() for side in sides] == [b"other", b"one"]


@pytest.mark.ours
@every_client
def test_we_choose_a_code_and_the_other_joins(server, client, nameplate, name):
    code = f"{nameplate}-tradition-snapshot"
    ours, other = client("ours", server.url), client(name, server.url)
    chosen = ours.exchange(b"one", options=["--code", code])
    assert other.exchange(b"other", code).succeed() == b"one"
    assert chosen.succeed() == b"other"


@pytest.mark.ours
@pytest.mark.parametrize("from_where", ["--text", "--file"])
def test_our_blob_is_a_text_or_a_file(server, client, nameplate, tmp_path, from_where):
    (tmp_path / "blob").write_bytes(BINARY)
    given, expected = ("a word", b"a word") if from_where == "--text" else (str(tmp_path / "blob"), BINARY)
    code = f"{nameplate}-tradition-snapshot"
    ours = client("ours", server.url).exchange(b"", code, options=[from_where, given])
    assert client("python", server.url).exchange(b"back", code).succeed() == expected
    assert ours.succeed() == b"back"
