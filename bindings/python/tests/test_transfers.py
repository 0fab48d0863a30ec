"""Files, directories and texts, blocking, with this package and the command at either end."""

import copy
import errno
import os
import socket
import stat
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from harness.clients import CLIENTS, CODE

import wormhole_sync
from wormhole_sync import (
    Canceller,
    FileError,
    LinkError,
    PeerError,
    RejectedError,
    StoppedError,
    UsageError,
    VerifierRefusedError,
    Wormhole,
    WormholeError,
    receive,
    send_file,
    send_text,
)

HERE = {"listen": "127.0.0.1:0"}


@pytest.fixture
def ended():
    """Run `finish` of a sender on a thread, and give what it came to."""
    with ThreadPoolExecutor(4) as threads:
        yield lambda sending: threads.submit(lambda: sending.finish() or "delivered")


@pytest.fixture
def plan(tmp_path):
    (tmp_path / "from").mkdir()
    path = tmp_path / "from" / "plan.pdf"
    path.write_bytes(os.urandom(1_500_000))
    return path


@pytest.fixture
def large(tmp_path):
    (tmp_path / "from").mkdir()
    path = tmp_path / "from" / "large"
    path.write_bytes(bytes(500_000_000))
    return path


@pytest.fixture
def album(tmp_path):
    folder = tmp_path / "from" / "album"
    (folder / "empty").mkdir(parents=True)
    (folder / "one").write_text("1")
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    return folder


def test_a_file(plan, ended):
    told = {"sent": [], "come": []}
    sending = send_file(plan, progress=lambda *at: told["sent"].append(at), **HERE)
    sent = ended(sending)
    offer = receive(sending.code, **HERE)
    assert (offer.kind, offer.name, offer.size, offer.files, offer.text, offer.warning) == (
        "file", "plan.pdf", 1_500_000, None, None, None,
    )  # fmt: skip
    stands = offer.accept(progress=lambda *at: told["come"].append(at))
    assert sent.result() == "delivered"
    assert stands.name == "plan.pdf"
    assert stands.read_bytes() == plan.read_bytes()
    for side in told.values():
        assert side == sorted(side)
        assert side[-1] == (1_500_000, 1_500_000)


def test_a_directory(album, ended, tmp_path):
    sending = send_file(str(album), **HERE)
    sent = ended(sending)
    offer = receive(sending.code, **HERE)
    assert (offer.kind, offer.name, offer.size, offer.files) == ("directory", "album", 11, 2)
    stands = offer.accept(tmp_path / "here")
    sent.result()
    assert stands == tmp_path / "here"
    assert sorted(path.name for path in stands.iterdir()) == ["empty", "one", "run.sh"]
    assert (stands / "run.sh").stat().st_mode & stat.S_IXUSR


def test_several_arrive_as_one_directory(plan, album, ended, tmp_path):
    sending = send_file([plan, str(album)], name="both", **HERE)
    ended(sending)
    offer = receive(sending.code, **HERE)
    assert offer.name == "both"
    stands = offer.accept(into=str(tmp_path))
    assert sorted(path.name for path in stands.iterdir()) == ["album", "plan.pdf"]


def test_a_text_and_nothing_more(ended):
    sending = send_text("the wifi is «hunter2»", words=3)
    sent = ended(sending)
    offer = receive(sending.code)
    assert (offer.kind, offer.text, offer.name) == ("text", "the wifi is «hunter2»", None)
    assert offer.accept() is None
    assert sent.result() == "delivered"
    assert sending.code.count("-") == 3


def test_what_stands_there_is_spared_and_another_place_can_be_named(plan, ended, tmp_path):
    (tmp_path / "plan.pdf").write_text("precious")
    sending = send_file(plan, **HERE)
    sent = ended(sending)
    offer = receive(sending.code, **HERE)
    with pytest.raises(FileError, match="exists already") as told:
        offer.accept()
    assert isinstance(told.value, OSError)
    assert offer.accept(rename=True).name != "plan.pdf"
    assert sent.result() == "delivered"
    assert (tmp_path / "plan.pdf").read_text() == "precious"
    with pytest.raises(UsageError, match="answered"):
        offer.accept()
    with pytest.raises(UsageError, match="answered"):
        offer.reject()


def test_what_stands_there_is_replaced_when_that_is_wanted(plan, ended, tmp_path):
    (tmp_path / "plan.pdf").write_text("old")
    sending = send_file(plan, **HERE)
    ended(sending)
    receive(sending.code, **HERE).accept(overwrite=True)
    assert (tmp_path / "plan.pdf").read_bytes() == plan.read_bytes()


@pytest.mark.parametrize("way", ["reject", "drop", "cancel"])
def test_a_sender_learns_that_it_is_not_wanted(plan, ended, way):
    sending = send_file(plan, **HERE)
    sent = ended(sending)
    offer = receive(sending.code, **HERE)
    if way == "reject":
        offer.reject("too large for me")
    elif way == "cancel":
        offer.cancel("changed my mind")
    del offer
    error = sent.exception(20)
    assert isinstance(error, RejectedError)
    reason = {"reject": "too large for me", "cancel": "changed my mind", "drop": "transfer rejected"}[way]
    assert reason in str(error)


def test_a_sender_that_cancels_while_the_verifier_is_compared_says_why(plan, ended):
    asked = threading.Event()
    sending = send_file(plan, verify=lambda _: asked.set() or threading.Event().wait(3), **HERE)
    sent = ended(sending)
    with ThreadPoolExecutor(1) as thread:
        offered = thread.submit(receive, sending.code, **HERE)
        assert asked.wait(20)
        sending.cancel("out of time")
        sending.cancel("whoever presses twice")
        assert "out of time" in str(offered.exception(20))
    assert isinstance(sent.exception(20), StoppedError)


@pytest.mark.parametrize("side", ["sender", "receiver"])
def test_a_second_cancel_does_not_take_back_the_first(side, large, ended, tmp_path):
    sending = send_file(large, **HERE)
    sent = ended(sending)
    offer = receive(sending.code, **HERE)
    moving = threading.Event()
    with ThreadPoolExecutor(1) as thread:
        accepted = thread.submit(offer.accept, tmp_path / "here", progress=lambda *_: moving.set())
        assert moving.wait(20)
        for _ in range(3):
            (sending if side == "sender" else offer).cancel("out of time")
        own, other = (sent, accepted) if side == "sender" else (accepted, sent)
        assert isinstance(own.exception(20), StoppedError)
        assert "out of time" in str(own.exception())
        assert "out of time" in str(other.exception(20))


@pytest.mark.parametrize("what", ["a file", "a text"])
def test_an_offer_that_was_cancelled_says_so(what, plan, ended):
    sending = send_file(plan, **HERE) if what == "a file" else send_text("a text")
    sent = ended(sending)
    offer = receive(sending.code, **HERE)
    offer.cancel("no time")
    for answer in (offer.accept, offer.reject):
        with pytest.raises(StoppedError, match="cancelled on this side"):
            answer()
    assert "no time" in str(sent.exception(20))


def test_a_text_has_no_options_of_files():
    for option in ({"name": "x"}, {"ignore_unsendable": True}, {"listen": False}, {"relay": "tcp:a:1"}):
        with pytest.raises(TypeError, match="unexpected keyword"):
            send_text("a text", **option)


def test_what_the_other_side_says_is_harmless_in_an_exception(plan, ended):
    sending = send_file(plan, **HERE)
    sent = ended(sending)
    receive(sending.code, **HERE).reject("a\x1b[31m\u202e\n" * 2000)
    told = str(sent.exception(20))
    assert "\\u{1b}[31m\\u{202e}\\u{a}" in told
    assert told.isprintable()
    assert len(told) < 20_000


def test_an_exception_in_progress_ends_both_sides(large, ended, tmp_path):
    sending = send_file(large, **HERE)
    sent = ended(sending)
    offer = receive(sending.code, **HERE)
    with pytest.raises(ZeroDivisionError):
        offer.accept(tmp_path / "here", progress=lambda *_: 1 // 0)
    assert isinstance(sent.exception(20), (PeerError, LinkError))
    end = time.monotonic() + 20
    while [path.name for path in tmp_path.iterdir()] != ["from"]:  # it is cleared away in the background
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("who", ["sender", "receiver"])
def test_cancelled_from_another_thread_while_bytes_move(tmp_path, ended, who):
    (tmp_path / "large").write_bytes(bytes(500_000_000))
    moving = threading.Event()
    sending = send_file("large", **HERE)
    sent = ended(sending)
    offer = receive(sending.code, **HERE)
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(offer.accept, "here", progress=lambda *_: moving.set())
        assert moving.wait(20)
        if who == "sender":
            sending.cancel("out of time")
        else:
            offer.cancel("out of time")
        ends = {"sender": sent.exception(20), "receiver": coming.exception(20)}
    other = "receiver" if who == "sender" else "sender"
    assert isinstance(ends[who], StoppedError)
    assert isinstance(ends[other], (PeerError, LinkError))
    assert [path.name for path in tmp_path.iterdir()] == ["large"]


def test_a_sender_that_is_dropped_lets_go_of_its_number(plan):
    sending = send_file(plan, appid="example.com/dropped-sender", **HERE)
    with wormhole_sync.Wormhole("example.com/dropped-sender") as watching:
        assert watching.nameplates() == [sending.code.partition("-")[0]]
        del sending
        for _ in range(500):
            if watching.nameplates() == []:
                return
    raise AssertionError("its number is still taken")


def test_what_cannot_be_sent_is_told_before_there_is_a_code(tmp_path):
    with pytest.raises(FileError, match="missing"):
        send_file(tmp_path / "missing")
    with pytest.raises(FileError):
        send_file([])
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileError, match="pipe"):
        send_file(tmp_path / "pipe")
    with pytest.raises(TypeError):
        send_file(7)


def test_an_error_of_files_is_an_os_error_with_what_that_has(plan, ended, tmp_path):
    with pytest.raises(OSError, match="cannot be read") as told:
        send_file(tmp_path / "missing")
    error = told.value
    assert isinstance(error, FileError)
    assert (error.errno, error.filename) == (errno.ENOENT, str(tmp_path / "missing"))
    assert error.strerror == os.strerror(errno.ENOENT)
    assert str(error).startswith('"')
    assert str(error).endswith("how its name is written")
    again = copy.copy(error)  # as it is pickled
    assert str(again) == str(error)
    names = ("errno", "filename", "strerror", "fault")
    assert [getattr(again, name) for name in names] == [getattr(error, name) for name in names]
    with pytest.raises(FileError, match="nothing to send") as told:
        send_file([])
    assert (told.value.errno, told.value.filename, told.value.strerror) == (None, None, None)
    sending = send_file(plan, **HERE)
    ended(sending)
    offer = receive(sending.code, **HERE)
    (tmp_path / "plan.pdf").write_text("precious")
    with pytest.raises(FileError) as told:
        offer.accept()
    assert told.value.errno == errno.EEXIST
    assert Path(told.value.filename).name == "plan.pdf"
    with pytest.raises(FileError) as told:
        offer.accept("/dev/null/plan.pdf")
    assert told.value.filename
    offer.reject()


def test_a_file_that_cannot_be_read_any_more_is_named_where_the_transfer_ends(album, ended):
    sending = send_file(album, **HERE)
    sent = ended(sending)
    offer = receive(sending.code, **HERE)
    (album / "one").unlink()
    with pytest.raises(WormholeError):
        offer.accept("elsewhere")
    error = sent.exception()
    assert isinstance(error, FileError)
    assert error.filename == str(album / "one")
    assert 'one" has vanished' in str(error)
    assert str(error).startswith('"')


def test_advice_names_the_keywords(plan, album, ended, tmp_path):
    (tmp_path / "plan.pdf").write_text("precious")
    sending = send_file(plan, **HERE)
    ended(sending)
    offer = receive(sending.code, **HERE)
    with pytest.raises(FileError) as told:
        offer.accept()
    advice = "choose another name (into=…), or allow overwriting (overwrite=True) or renaming (rename=True)"
    assert str(told.value).endswith(advice)
    offer.reject()
    (album / "loop").symlink_to(album)
    with pytest.raises(FileError, match=r"be left out \(ignore_unsendable=True\)$"):
        send_file(album)


def test_a_port_that_is_taken_is_told_before_there_is_a_code_or_one_is_spent(plan, ended):
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = "127.0.0.1:%d" % other.getsockname()[1]
        with pytest.raises(LinkError, match="choose another port"):
            send_file(plan, listen=taken)
        sending = send_file(plan, **HERE)
        sent = ended(sending)
        with pytest.raises(LinkError, match="choose another port"):
            receive(sending.code, listen=taken)
        receive(sending.code, **HERE).accept()
        assert sent.result() == "delivered"


@pytest.mark.parametrize("when", ["before", "while it waits"])
def test_a_call_is_cancelled_from_another_thread_before_it_returns(when, plan):
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        silent = "ws://127.0.0.1:%d/v1" % nobody.getsockname()[1]
        for call in (
            lambda canceller: receive("81-guitarist-revenge", canceller=canceller),
            lambda canceller: send_file(plan, canceller=canceller, rendezvous=silent),
            lambda canceller: send_text("a text", canceller=canceller, rendezvous=silent),
        ):
            canceller = Canceller()
            if when == "before":
                canceller.cancel()
            else:
                threading.Timer(0.3, canceller.cancel).start()
            begun = time.monotonic()
            with pytest.raises(StoppedError, match="cancelled on this side"):
                call(canceller)
            assert time.monotonic() - begun < 3
    with Wormhole(wormhole_sync.TRANSFER_APP_ID) as watching:
        end = time.monotonic() + 10
        while "81" in watching.nameplates():
            assert time.monotonic() < end


def test_a_call_that_has_returned_is_cancelled_with_what_it_returned(plan, ended):
    canceller = Canceller()
    sending = send_file(plan, canceller=canceller, **HERE)
    sent = ended(sending)
    offer = receive(sending.code, **HERE)
    canceller.cancel("I have thought better of it")
    with pytest.raises(PeerError, match="thought better"):
        offer.accept()
    assert isinstance(sent.exception(), StoppedError)
    canceller = Canceller()
    sending = send_text("a text")
    sent = ended(sending)
    offer = receive(sending.code, canceller=canceller)
    canceller.cancel("no time")
    assert "no time" in str(sent.exception())
    canceller.cancel()
    del offer
    canceller.cancel()


def test_a_canceller_holds_nothing_that_its_owner_drops(plan):
    canceller = Canceller()
    sending = send_text("a text", canceller=canceller, code="82-guitarist-revenge")
    del sending
    with Wormhole(wormhole_sync.TRANSFER_APP_ID) as watching:
        end = time.monotonic() + 10
        while "82" in watching.nameplates():
            assert time.monotonic() < end
    seen = []
    with pytest.raises(TypeError, match="canceller must be a Canceller"):
        send_text("a text", canceller=threading.Event(), on_status=seen.append)
    with pytest.raises(TypeError, match="reason must be a text"):
        Canceller().cancel(None)
    assert not seen


def test_what_cannot_be_called_is_told_before_there_is_a_code(plan, ended):
    for hook in ("on_status", "verify", "progress"):
        for value in (5, 0, "text"):
            with pytest.raises(TypeError, match=f"{hook} must be something that can be called"):
                send_file(plan, **{hook: value})
    sending = send_file(plan, **HERE)
    ended(sending)
    offer = receive(sending.code, **HERE)
    with pytest.raises(TypeError, match="progress must be something that can be called"):
        offer.accept(progress=5)
    offer.accept()


def test_what_cannot_be_sent_is_left_out_when_that_is_wanted(album, ended, tmp_path):
    (album / "nowhere").symlink_to("gone")
    with pytest.raises(FileError, match="nowhere"):
        send_file(album)
    sending = send_file(album, ignore_unsendable=True, **HERE)
    ended(sending)
    stands = receive(sending.code, **HERE).accept(tmp_path / "here")
    assert sorted(path.name for path in stands.iterdir()) == ["empty", "one", "run.sh"]
    ((path, reason),) = sending.left_out
    assert path == album / "nowhere"
    assert reason


def test_what_is_never_sent_is_told(album):
    os.mkfifo(album / "pipe")
    sending = send_file(album, **HERE)
    assert [path.name for path, _ in sending.left_out] == ["pipe"]
    sending.cancel()


def test_both_sides_compare_the_verifier(plan, ended):
    shown = []
    sending = send_file(plan, verify=lambda verifier: shown.append(verifier) or True, **HERE)
    sent = ended(sending)
    receive(sending.code, verify=lambda verifier: shown.append(verifier) or True, **HERE).accept()
    sent.result()
    assert shown[0] == shown[1]


@pytest.mark.parametrize("who", ["sender", "receiver"])
def test_nothing_is_moved_when_the_verifier_is_refused(plan, ended, who):
    sending = send_file(plan, verify=lambda _: who != "sender", **HERE)
    sent = ended(sending)
    verify = (lambda _: False) if who == "receiver" else None
    if who == "receiver":
        with pytest.raises(VerifierRefusedError):
            receive(sending.code, verify=verify, **HERE)
        assert isinstance(sent.exception(20), RejectedError)
    else:
        with pytest.raises(RejectedError, match="did not confirm the verifier"):
            receive(sending.code, **HERE)
        assert isinstance(sent.exception(20), VerifierRefusedError)


def test_without_a_way_to_meet_both_are_told(plan, ended):
    sending = send_file(plan, listen=False, relay="")
    sent = ended(sending)
    offer = receive(sending.code, listen=False, relay=[])
    with pytest.raises(LinkError, match="name a transit relay"):
        offer.accept()
    assert sent.exception(20) is not None


@pytest.mark.parametrize(
    "options",
    [{"relay": "relay.example.com"}, {"listen": "here"}, {"listen": "127.0.0.1"}],
)
def test_ways_that_cannot_be_are_told(plan, options):
    with pytest.raises(UsageError):
        send_file(plan, **options)
    with pytest.raises(UsageError):
        receive("4-guitarist-revenge", **options)


def test_through_a_relay_by_tcp_and_websocket(plan, ended, relay):
    sending = send_file(plan, listen=False, relay=[relay.url])
    ended(sending)
    web = relay.web_url + "relay"
    stands = receive(sending.code, listen=False, relay=web).accept()
    assert stands.read_bytes() == plan.read_bytes()


@pytest.mark.parametrize("client", ["ours", "python"])
def test_the_commands_receive_what_is_sent_here(processes, server, plan, ended, client, relay):
    sending = send_file(plan, listen=False, relay=relay.url)
    sent = ended(sending)
    command = CLIENTS[client](processes, server.url)
    command.transit = relay.url
    command.take("-o", "come.pdf", sending.code).succeed()
    assert sent.result() == "delivered"
    assert (processes.home / "come.pdf").read_bytes() == plan.read_bytes()


@pytest.mark.parametrize("client", ["ours", "python"])
def test_what_the_commands_send_is_received_here(processes, server, album, client, relay):
    command = CLIENTS[client](processes, server.url)
    command.transit = relay.url
    sending = command.offer(str(album))
    offer = receive(sending.wait_for(CODE)[1], listen=False, relay=relay.url)
    assert (offer.kind, offer.files) == ("directory", 2)
    assert (offer.accept("come") / "one").read_text() == "1"
    sending.succeed()


def test_a_name_to_beware_of_is_told(tmp_path, ended):
    (tmp_path / "from").mkdir()
    (tmp_path / "from" / ".bashrc").write_text("x")
    sending = send_file(tmp_path / "from" / ".bashrc", **HERE)
    ended(sending)
    offer = receive(sending.code, **HERE)
    assert "settings" in offer.warning
    offer.reject()


def test_both_ways_of_what_stands_there_exclude_each_other(plan, ended):
    sending = send_file(plan, **HERE)
    ended(sending)
    offer = receive(sending.code, **HERE)
    with pytest.raises(UsageError, match="choose one"):
        offer.accept(overwrite=True, rename=True)
    offer.reject()


@pytest.mark.parametrize("what", [7, b"plan.pdf", None, [7], [b"x"]])
def test_what_is_no_path_is_told(what):
    with pytest.raises(TypeError, match="paths must be"):
        send_file(what)


@pytest.mark.parametrize("code", [None, 7, b"4-x-y"])
def test_what_is_no_code_is_told(code):
    with pytest.raises(TypeError, match="code must be a text"):
        receive(code)
    with pytest.raises(TypeError, match="code must be a text"):
        wormhole_sync.Receiver("example.com", code, b"")


@pytest.mark.parametrize("listen", [65536, -1, 1.5])
def test_what_is_no_port_is_told(plan, listen):
    with pytest.raises(TypeError, match="listen must be True, False, a port"):
        send_file(plan, listen=listen)


def test_finished_twice(plan, ended):
    sending = send_text("once")
    sent = ended(sending)
    receive(sending.code).accept()
    sent.result()
    with pytest.raises(UsageError, match="before"):
        sending.finish()
