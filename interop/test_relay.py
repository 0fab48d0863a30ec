"""What a transit relay says to whom: the same of the Python relay and of ours."""

from __future__ import annotations

import itertools
import os
import time

import pytest
from harness.relay import LINKS, Link, WebSocketLink
from roles import every_relay

every_link = pytest.mark.parametrize("link", list(LINKS.values()), ids=list(LINKS))
every_two = pytest.mark.parametrize(("one", "other"), list(itertools.product(LINKS, repeat=2)))


@pytest.fixture
def token() -> str:
    return os.urandom(32).hex()


def line(token: str, side: str | None) -> bytes:
    named = f" for side {side * 16}" if side else ""
    return f"please relay {token}{named}\n".encode()


def are_a_pair(one: Link, other: Link) -> None:
    for link in (one, other):
        assert link.hear(3) == b"ok\n"
    one.say(b"there")
    assert other.hear(5) == b"there"
    other.say(b"and back")
    assert one.hear(8) == b"and back"


@every_relay
@every_two
def test_two_sides_meet_by_either_way(relay, token, one, other):
    are_a_pair(LINKS[one](relay, line(token, "a")), LINKS[other](relay, line(token, "b")))


@every_relay
@pytest.mark.parametrize("sides", [(None, None), (None, "a"), ("a", None)])
def test_whoever_names_no_side_meets_anybody(relay, token, sides):
    are_a_pair(*(Link(relay, line(token, side)) for side in sides))


@every_relay
def test_a_line_may_come_in_pieces(relay, token):
    whole = line(token, "a")
    one = Link(relay)
    for start in range(0, len(whole), 20):
        one.say(whole[start : start + 20])
        time.sleep(0.01)
    are_a_pair(one, Link(relay, line(token, "b")))


@every_relay
@pytest.mark.parametrize("said", [b"please relay me\n", b"hello\n", b"please relay " + b"g" * 10 + b"\n"])
@every_link
def test_what_is_no_line_is_a_bad_handshake(relay, link, said):
    assert link(relay, said).rest() == b"bad handshake\n"


@every_relay
@pytest.mark.parametrize("at_once", [True, False])
def test_whoever_does_not_wait_is_impatient(relay, token, at_once):
    hasty = Link(relay, line(token, "a") + (b"x" if at_once else b""))
    if not at_once:
        time.sleep(0.1)
        hasty.say(b"x")
    assert hasty.rest() == b"impatient\n"


@every_relay
def test_the_same_side_again_does_not_meet_itself(relay, token):
    """Ours closes it at once, and the first stays. The Python relay lets both wait, and when the other side comes, it takes either and closes the rest."""
    one = Link(relay, line(token, "a"))
    time.sleep(0.1)
    again = Link(relay, line(token, "a"))
    if relay.name == "our-relay":
        assert again.rest() == b""
        are_a_pair(one, Link(relay, line(token, "b")))
        return
    other = Link(relay, line(token, "b"))
    assert other.hear(3) == b"ok\n"
    other.close()
    assert sorted([one.rest(), again.rest()]) == [b"", b"ok\n"]


@every_relay
@every_two
def test_when_one_end_closes_the_other_is_closed(relay, token, one, other):
    first, second = LINKS[one](relay, line(token, "a")), LINKS[other](relay, line(token, "b"))
    are_a_pair(first, second)
    first.close()
    assert second.rest() == b""


@every_relay
@pytest.mark.parametrize("end", [b"\n", b""])
def test_a_websockets_line_is_its_first_message_and_needs_no_end(relay, token, end):
    first = WebSocketLink(relay, line(token, "a").rstrip(b"\n") + end)
    second = Link(relay, line(token, "b"))
    assert second.hear(3) == b"ok\n"
    second.say(b"at once")
    assert [first.message(), first.message()] == [b"ok\n", b"at once"]
