"""Transfers that do not happen, or end in the middle: each side learns of it in bounded time, and keeps nothing."""

from __future__ import annotations

import signal
import time

import pytest
from files import make_file
from roles import every_pair

SIGNALS = [signal.SIGINT, signal.SIGKILL]
LONG = 8_000_000_000
"""Bytes that no transfer gets through before it is interrupted; on the disk there are none of them."""

BOUND = 30
"""Seconds in which a side notices that the other is gone."""


def hole(path, size=LONG):
    path.touch()
    with path.open("r+b") as file:
        file.truncate(size)
    return path


@pytest.fixture
def code(nameplate):
    return f"{nameplate}-tradition-snapshot"


@every_pair
def test_a_rejection_is_told_to_the_sender(server, client, code, tmp_path, one, other):
    sender = client(one, server.url).offer(str(make_file(tmp_path / "sent", 100)), "--code", code)
    (tmp_path / "here").mkdir()
    receiver = client(other, server.url).receive(*client(other, server.url).listening, code, cwd=tmp_path / "here", stdin=b"n\n")
    receiver.fail()
    sender.fail()
    sender.wait_for("transfer rejected")
    assert not list((tmp_path / "here").iterdir())


@every_pair
def test_what_exists_is_not_touched_and_the_sender_is_told(server, client, code, tmp_path, one, other):
    sender = client(one, server.url).offer(str(make_file(tmp_path / "sent", 100)), "--code", code)
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "sent").write_text("mine")
    client(other, server.url).take(code, cwd=tmp_path / "here").fail()
    sender.fail()
    sender.wait_for("transfer rejected|something of that name|file exists")
    assert (tmp_path / "here" / "sent").read_text() == "mine"


@every_pair
def test_a_wrong_code_moves_nothing(server, client, nameplate, tmp_path, one, other):
    sender = client(one, server.url).offer(str(make_file(tmp_path / "sent", 100)), "--code", f"{nameplate}-tradition-snapshot")
    (tmp_path / "here").mkdir()
    client(other, server.url).take(f"{nameplate}-tradition-spellbind", cwd=tmp_path / "here").fail()
    sender.fail()
    assert not list((tmp_path / "here").iterdir())


@every_pair
@pytest.mark.parametrize("which", SIGNALS)
@pytest.mark.parametrize("who", ["sender", "receiver"])
def test_an_end_in_the_middle_is_noticed(server, client, code, tmp_path, one, other, who, which):
    sender = client(one, server.url).offer(str(hole(tmp_path / "sent")), "--code", code)
    (tmp_path / "here").mkdir()
    receiver = client(other, server.url).take(code, cwd=tmp_path / "here")
    wait_for_bytes(tmp_path / "here")
    dies, survives = (sender, receiver) if who == "sender" else (receiver, sender)
    dies.send(which)
    survives.fail(BOUND)
    dies.finish()
    if (other if who == "sender" else one) == "ours":
        survives.wait_for("error: the (other side|connection)")
    # The Python receiver writes into the current directory under a name of its own making, and leaves that behind.
    assert not (tmp_path / "here" / "sent").exists()
    if other == "ours" and not (who == "receiver" and which == signal.SIGKILL):
        assert not list((tmp_path / "here").iterdir())


def wait_for_bytes(directory):
    """Until something has been written there, under whatever name."""

    end = time.monotonic() + 20
    while time.monotonic() < end:
        if any(path.stat().st_size > 1_000_000 for path in directory.iterdir()):
            return
        time.sleep(0.01)
    raise AssertionError("nothing was written")
