"""The general form, blocking."""

import array
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from wormhole_sync import RejectedError, StoppedError, UsageError, Wormhole, WormholeError

APP = "example.com/chat"


@pytest.fixture
def pair():
    with (
        Wormhole(APP, app_versions={"example": 1, "nested": {"list": [None]}}) as one,
        Wormhole(APP) as other,
    ):
        other.set_code(one.allocate())
        yield one, other


def test_nothing_is_known_before_there_is_another():
    with Wormhole("example.com/alone") as wormhole:
        assert wormhole.code is None
        code = wormhole.allocate()
        assert (wormhole.code, wormhole.verifier, wormhole.peer_versions) == (code, None, None)


def test_messages_come_in_order(pair):
    one, other = pair
    for number in range(100):
        one.send(b"%d" % number)
    assert [other.receive() for _ in range(100)] == [b"%d" % number for number in range(100)]


def test_what_both_know(pair):
    one, other = pair
    assert one.confirm() == other.confirm()
    assert one.verifier == other.verifier == one.confirm()
    assert one.code == other.code
    assert one.welcome == "back at noon"
    assert other.peer_versions == {"example": 1, "nested": {"list": [None]}}
    assert one.peer_versions == {}
    assert one.derive_key("example.com/history", 16) == other.derive_key("example.com/history", 16)
    assert len(one.derive_key("example.com/history")) == 32
    for purpose, length in (("wormhole:verifier", 32), ("mine", 0), ("mine", 8161), ("mine", -1)):
        with pytest.raises(UsageError):
            one.derive_key(purpose, length)


def test_receives_that_are_cancelled_together_once_their_messages_have_come_keep_the_order(pair):
    one, other = pair
    for number in range(20):
        one.send(b"%d" % number)
    for _ in range(3):
        several = [other._native.receive() for _ in range(5)]
        while not all(pending.done for pending in several):
            time.sleep(0.01)
        for pending in several:
            pending.cancel()
    assert [other.receive() for _ in range(20)] == [b"%d" % number for number in range(20)]


def test_a_send_that_is_cancelled_before_its_turn_is_not_sent():
    with Wormhole(APP) as one, Wormhole(APP) as other:
        code = one.allocate()
        for _ in range(3):
            one._native.send(b"pay 100").cancel()
        other.set_code(code)
        one.send(b"end")
        assert other.receive() == b"end"


@pytest.mark.parametrize("way", ["cancel", "drop", "close", "abort"])
def test_a_wormhole_that_is_left_while_it_connects_is_not_held(way):
    silent = socket.create_server(("127.0.0.1", 0))
    wormhole = Wormhole(APP, rendezvous=f"ws://127.0.0.1:{silent.getsockname()[1]}/v1")
    pending = wormhole._native.connect(None)
    connection, _ = silent.accept()
    connection.settimeout(20)
    if way == "cancel":
        pending.cancel()
    elif way == "drop":
        del pending, wormhole
    else:
        getattr(wormhole, way)()
    while connection.recv(65536):
        pass


def test_a_step_that_is_cancelled_ends_the_wormhole():
    wormhole = Wormhole(APP)
    wormhole.connect()
    wormhole._native.allocate().cancel()
    with pytest.raises(WormholeError):
        wormhole.allocate()


def test_whatever_is_like_bytes_is_sent_and_nothing_else(pair):
    one, other = pair
    for message in (b"bytes", bytearray(b"bytes"), memoryview(array.array("H", [1, 2]))):
        one.send(message)
        assert other.receive() == memoryview(message).tobytes()
    for message in ("text", [1, 2], range(3), None):
        with pytest.raises(TypeError, match="message must be bytes"):
            one.send(message)


def test_one_thread_sends_while_others_receive(pair):
    one, other = pair
    with ThreadPoolExecutor(4) as threads:
        got = [threads.submit(other.receive) for _ in range(3)]
        replies = threads.submit(one.receive)
        for number in range(3):
            one.send(b"%d" % number)
        other.send(b"reply")
        assert sorted(each.result(20) for each in got) == [b"0", b"1", b"2"]
        assert replies.result(20) == b"reply"


def test_everything_sent_is_stored_when_close_returns(pair):
    one, other = pair
    one.send(b"good night")
    other.confirm()
    one.close()
    one.close()
    assert other.receive() == b"good night"
    with pytest.raises(UsageError, match="closed"):
        one.send(b"again")


def test_who_aborts_is_missed(pair):
    one, other = pair
    one.confirm()
    other.confirm()
    one.abort()
    with pytest.raises(RejectedError):
        other.receive()
    with pytest.raises(RejectedError):
        other.send(b"still there?")
    with pytest.raises(UsageError):
        one.send(b"I am")


def test_an_exception_in_the_block_aborts():
    with pytest.raises(ZeroDivisionError), Wormhole(APP) as one, Wormhole(APP) as other:
        other.set_code(one.allocate())
        one.confirm()
        raise ZeroDivisionError
    with pytest.raises(UsageError):
        one.receive()


def test_aborted_by_another_thread_while_waiting(pair):
    one, other = pair
    one.confirm()
    threading.Timer(0.2, one.abort).start()
    with pytest.raises(StoppedError):
        one.receive()
    with pytest.raises(RejectedError):
        other.receive()


def test_closed_while_nobody_has_come():
    with Wormhole("example.com/nobody") as one:
        one.allocate()
        with ThreadPoolExecutor(1) as thread:
            waiting = thread.submit(one.receive)
            one.close()
            with pytest.raises(WormholeError):
                waiting.result(20)
    with Wormhole("example.com/nobody") as other:
        assert other.nameplates() == []


def test_calls_out_of_order_are_told():
    wormhole = Wormhole(APP)
    with pytest.raises(UsageError, match="connect"):
        wormhole.allocate()
    wormhole.connect()
    with pytest.raises(UsageError, match="connected before"):
        wormhole.connect()
    for call in (
        wormhole.confirm,
        wormhole.receive,
        lambda: wormhole.send(b"x"),
        lambda: wormhole.derive_key("x"),
    ):
        with pytest.raises(UsageError, match="no code yet"):
            call()
    code = wormhole.allocate()
    for call in (wormhole.allocate, wormhole.nameplates, lambda: wormhole.set_code(code)):
        with pytest.raises(UsageError, match="a code already"):
            call()
    with pytest.raises(ValueError, match="begins with a number"):
        Wormhole(APP).set_code("purple-sausages")
    wormhole.close()


def test_never_connected_can_be_closed():
    Wormhole(APP).close()
    Wormhole(APP).abort()


def test_a_server_that_is_not_there_is_told_by_every_call():
    wormhole = Wormhole(APP, rendezvous="ws://127.0.0.1:1/v1")
    for call in (wormhole.connect, wormhole.allocate, wormhole.receive):
        with pytest.raises(ConnectionError):
            call()
    wormhole.close()


def test_versions_that_json_cannot_hold_are_told():
    with pytest.raises(TypeError):
        Wormhole(APP, app_versions={"what": object()})
    with pytest.raises(TypeError):
        Wormhole(APP, code="4-x")
