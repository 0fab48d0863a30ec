"""The line is cut at every single message, in both directions, before it and after it; both blobs arrive all the same."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.clients import CODE
from harness.recorder import CUT_AFTER, CUT_BEFORE, cut_once
from roles import every_server

pytestmark = pytest.mark.ours

MOMENTS = """
> bind, < welcome, > claim, < claimed, > open, > add pake, < echo pake, < message pake, > release, < released, > add version,
< echo version, < message version, > add 0, < echo 0, < message 0, > close happy, < closed
""".strip().replace("\n", " ").split(", ")
ALLOCATING = ["> allocate", "< allocated"]
AT_ONCE = 12


def cut_everywhere(server, record, nameplate, moments, exchange) -> None:
    """An exchange for each moment to cut at; several run at once, for most of their time is backing off."""
    cases = [(index, moment, how) for index, (moment, how) in enumerate((moment, how) for moment in moments for how in (CUT_BEFORE, CUT_AFTER))]

    def one(case) -> str:
        index, moment, how = case
        seen = record(server.url, cut_once(moment, how))
        try:
            exchange(seen, f"{nameplate}{index:02}-tradition-snapshot")
            assert moment in seen.names(0), f"never cut: {seen.names()}"
            assert seen.connections >= 2 or (moment, how) == ("< closed", CUT_AFTER), f"it did not come back: {seen.names()}"
        except AssertionError as error:
            return f"=== {how} {moment!r}\n{error}\n{seen.names()}\n"
        return ""

    with ThreadPoolExecutor(AT_ONCE) as pool:
        problems = "".join(pool.map(one, cases))
    assert not problems, problems


@every_server
def test_with_a_chosen_code(server, client, record, nameplate):
    def exchange(seen, code):
        sides = client("ours", seen.url).exchange(b"one", code), client("ours", server.url).exchange(b"other", code)
        assert [side.succeed() for side in sides] == [b"other", b"one"]

    cut_everywhere(server, record, nameplate, MOMENTS, exchange)


@every_server
def test_with_an_allocated_code(server, client, record, nameplate):
    def exchange(seen, _):
        initiator = client("ours", seen.url).exchange(b"one")
        receiver = client("ours", server.url).exchange(b"other", initiator.wait_for(CODE)[1])
        assert [initiator.succeed(), receiver.succeed()] == [b"other", b"one"]

    cut_everywhere(server, record, nameplate, ALLOCATING, exchange)


@pytest.mark.parametrize("server", ["our-server"], indirect=True)
@pytest.mark.parametrize("moment", ["> claim", "> release", "> close happy"])
def test_the_python_peer_takes_up_on_our_server_where_it_was_cut(server, client, record, nameplate, moment):
    seen, code = record(server.url, cut_once(moment, CUT_AFTER)), f"{nameplate}-tradition-snapshot"
    sides = client("python", seen.url).exchange(b"one", code), client("ours", server.url).exchange(b"other", code)
    assert [side.succeed() for side in sides] == [b"other", b"one"]
    assert seen.connections == 2
