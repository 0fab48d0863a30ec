"""Codes and application ids outside ASCII mean the same on both sides."""

from __future__ import annotations

from unicodedata import normalize

import pytest
from roles import every_pair, every_server


@every_pair
@pytest.mark.parametrize("forms", [("NFD", "NFC"), ("NFC", "NFD")], ids="-to-".join)
def test_a_code_composed_on_one_side_and_decomposed_on_the_other(server, client, nameplate, one, other, forms):
    ours, theirs = (normalize(form, f"{nameplate}-café-été") for form in forms)
    assert ours != theirs
    sender = client(one, server.url).send("voilà", "--code", ours)
    receiver = client(other, server.url)
    assert receiver.receive(theirs).succeed() == receiver.shows("voilà")
    sender.succeed()


@every_server
@every_pair
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_an_application_id_is_bound_as_it_is_and_keyed_normalized(server, client, nameplate, one, other, form):
    appid, code = normalize(form, "exämple.com/appliqué/日本"), f"{nameplate}-tradition-snapshot"
    sender = client(one, server.url, appid).send("in our own room", "--code", code)
    receiver = client(other, server.url, appid)
    assert receiver.receive(code).succeed() == receiver.shows("in our own room")
    sender.succeed()


@every_pair
def test_application_ids_keep_the_same_code_apart(server, client, nameplate, one, other):
    code = f"{nameplate}-tradition-snapshot"
    here, there = (client(one, server.url, f"wormhole-sync.test/{room}") for room in ("here", "there"))
    receivers = [client(other, server.url, each.appid) for each in (here, there)]
    sending = [here.send("for here", "--code", code), there.send("for there", "--code", code)]
    receiving = [receiver.receive(code) for receiver in receivers]
    assert [each.succeed() for each in receiving] == [receivers[0].shows("for here"), receivers[1].shows("for there")]
    for each in sending:
        each.succeed()
