"""A text, from every client to every client, through every server."""

from __future__ import annotations

import pytest
from harness.clients import CODE, start_on_loopback
from harness.servers import our_binary
from roles import every_client, every_pair, every_server

TEXTS = {
    "multi-line": "first line\nsecond line\n\n\tan indented fourth\n",
    "unicode": "naïve Γειά 日本語 🎩 e\u0301",
    "long": "It was the best of times. " * 4000,
    "quoted": """both ' and " and \\ and {"offer": null}""",
}


@every_server
@every_pair
def test_the_sender_is_given_a_code_and_the_receiver_types_it(server, client, one, other):
    sender = client(one, server.url).send("meet me at the bridge")
    code = sender.wait_for(CODE)[1]
    receiver = client(other, server.url)
    assert receiver.receive(code).succeed() == receiver.shows("meet me at the bridge")
    sender.succeed()


@every_server
@every_pair
def test_the_receiver_is_given_a_code_and_the_sender_types_it(server, client, one, other):
    receiver = client(other, server.url)
    receiving = receiver.receive("--allocate")
    code = receiving.wait_for(CODE)[1]
    client(one, server.url).send("the other way round", "--code", code).succeed()
    assert receiving.succeed() == receiver.shows("the other way round")


@every_pair
@pytest.mark.parametrize("which", list(TEXTS))
def test_awkward_texts_arrive_whole(server, client, nameplate, one, other, which):
    text, code = TEXTS[which], f"{nameplate}-tradition-snapshot"
    sender = client(one, server.url).send(None, "--code", code, stdin=text.encode())
    receiver = client(other, server.url)
    assert receiver.receive(code).succeed() == receiver.shows(text)
    sender.succeed()


@every_pair
def test_a_code_may_have_more_words(server, client, one, other):
    sender = client(one, server.url).send("four words", "--code-length", "4")
    code = sender.wait_for(CODE)[1]
    assert len(code.split("-")) == 5
    receiver = client(other, server.url)
    assert receiver.receive(code).succeed() == receiver.shows("four words")
    sender.succeed()


@every_pair
def test_a_receiver_is_given_a_code_of_three_words(server, client, one, other):
    receiver = client(other, server.url)
    receiving = receiver.receive("--allocate", "-c", "3")
    code = receiving.wait_for(CODE)[1]
    assert len(code.split("-")) == 4
    client(one, server.url).send("three words", "--code", code).succeed()
    assert receiving.succeed() == receiver.shows("three words")


@every_pair
def test_the_code_is_typed_at_the_prompt(server, client, one, other):
    sender = client(one, server.url).send("typed")
    code = sender.wait_for(CODE)[1]
    receiver = client(other, server.url)
    receiving = receiver.receive(stdin="terminal")
    receiving.wait_for(r"Enter receive wormhole code")
    receiving.type(code)
    assert receiver.shows("typed") in receiving.succeed()
    sender.succeed()


@every_pair
def test_no_code_at_all(server, client, one, other):
    appid = f"wormhole-sync.test/zero/{one}/{other}"
    sender = client(one, server.url, appid).send("anything goes", "-0")
    receiver = client(other, server.url, appid)
    assert receiver.receive("-0").succeed() == receiver.shows("anything goes")
    sender.succeed()


@pytest.mark.ours
@every_client
def test_our_options_may_stand_after_the_verb(server, client, processes, nameplate, name):
    code, appid = f"{nameplate}-tradition-snapshot", "wormhole-sync.test/after"
    after = [our_binary(), "send", "--relay-url", server.url, "--appid", appid, "--text", "late", "--code", code]
    sender = start_on_loopback(processes, after)
    receiver = client(name, server.url, appid)
    assert receiver.receive(code).succeed() == receiver.shows("late")
    sender.succeed()


@pytest.mark.ours
@pytest.mark.parametrize("where", ["environment", "file", "descriptor"])
def test_our_receiver_finds_its_code_outside_its_arguments(server, client, nameplate, tmp_path, where):
    code = f"{nameplate}-tradition-snapshot"
    (tmp_path / "code").write_text(code + "\n")
    options, how = {
        "environment": ([], {"environment": {"WORMHOLE_CODE": code}}),
        "file": (["--code-file", str(tmp_path / "code")], {}),
        "descriptor": (["--code-fd", "0"], {"stdin": code.encode() + b"\n"}),
    }[where]
    sender = client("python", server.url).send("unseen", "--code", code)
    receiver = client("ours", server.url)
    assert receiver.receive(*options, **how).succeed() == receiver.shows("unseen")
    sender.succeed()
