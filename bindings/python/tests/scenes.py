"""Scenes in a running reactor, each with its own process: `scenes.py NAME`. One that ends well says so."""

import os
import sys
import threading
from pathlib import Path

from twisted.internet import defer, reactor, task

import wormhole_sync
from wormhole_sync import RejectedError, StoppedError, UsageError, VerifierRefusedError, WrongCodeError
from wormhole_sync.twisted import Initiator, Receiver, Wormhole, receive, send_file, send_text

APP = "example.com/twisted"


async def pair(one, other):
    ends = await defer.DeferredList([one.finish(), other.finish()], consumeErrors=True)
    return [end if good else end.value for good, end in ends]


def later(seconds):
    return task.deferLater(reactor, seconds, lambda: None)


async def until_free(appid):
    watching = Wormhole(appid)
    await watching.connect()
    while await watching.nameplates():
        await later(0.02)
    await watching.close()


async def a_blob_each_way():
    initiator = Initiator(APP, b"one")
    receiver = Receiver(APP, await initiator.start(), b"two")
    assert await pair(initiator, receiver) == [b"two", b"one"]
    assert initiator.code.count("-") == 2


async def finish_before_the_code_is_known():
    initiator = Initiator(APP, b"one")
    begun, ended = initiator.start(), initiator.finish()
    receiver = Receiver(APP, await begun, b"two")
    assert await receiver.finish() == b"one"
    assert await ended == b"two"


async def a_wrong_code_is_told_to_both():
    initiator = Initiator(APP, b"one")
    receiver = Receiver(APP, await initiator.start() + "x", b"two")
    assert [type(error) for error in await pair(initiator, receiver)] == [WrongCodeError] * 2


async def no_server():
    try:
        await Initiator(APP, b"one", rendezvous="ws://127.0.0.1:1/v1").start()
    except ConnectionError:
        return
    raise AssertionError


async def cancelled():
    initiator = Initiator("example.com/twisted-cancelled", b"one")
    await initiator.start()
    ended = initiator.finish()
    reactor.callLater(0.2, ended.cancel)
    try:
        await ended
    except defer.CancelledError:
        await until_free("example.com/twisted-cancelled")
        return
    raise AssertionError


async def cancelled_from_another_thread():
    initiator = Initiator(APP, b"one")
    await initiator.start()
    threading.Timer(0.2, initiator.cancel).start()
    try:
        await initiator.finish()
    except StoppedError:
        return
    raise AssertionError


async def the_verifier_is_asked_for_with_deferreds():
    shown = []

    def verify(verifier):
        shown.append(verifier)
        return later(0.05).addCallback(lambda _: len(shown) < 3)

    for expected in ([bytes, bytes], [RejectedError, VerifierRefusedError]):
        initiator = Initiator(APP, b"one", verify=verify if expected[0] is bytes else None)
        receiver = Receiver(APP, await initiator.start(), b"two", verify=verify)
        assert [type(end) for end in await pair(initiator, receiver)] == expected
    assert shown[0] == shown[1] != shown[2]


async def what_happens_is_told_in_the_reactors_thread():
    here, told = threading.get_ident(), []
    initiator = Initiator(
        APP, b"one", on_status=lambda event: told.append((event["event"], threading.get_ident()))
    )
    await pair(initiator, Receiver(APP, await initiator.start(), b"two"))
    await later(0.2)
    assert ("key_confirmed", here) in told
    assert {thread for _, thread in told} == {here}


async def a_receive_that_is_cancelled_loses_no_message():
    one, other = Wormhole(APP), Wormhole(APP)
    await one.connect()
    await other.connect()
    await other.set_code(await one.allocate())
    assert await one.confirm() == await other.confirm()
    got = []
    for number in range(50):
        await one.send(b"%d" % number)
        waiting = other.receive()
        if number % 2:
            reactor.callLater(0, waiting.cancel)
        try:
            got.append(await waiting)
        except defer.CancelledError:
            got.append(await other.receive())
    assert got == [b"%d" % number for number in range(50)]
    assert await one.derive_key("purpose") == await other.derive_key("purpose")
    await one.close()
    await other.close()


async def a_file_and_a_text():
    Path("plan.pdf").write_bytes(os.urandom(2_000_000))
    told = []
    sending = await send_file("plan.pdf", listen="127.0.0.1:0", progress=lambda *at: told.append(at))
    sent = sending.finish()
    offer = await receive(sending.code, listen="127.0.0.1:0")
    stands = await offer.accept("here", progress=lambda *at: later(0))
    await sent
    assert stands.stat().st_size == 2_000_000
    assert told[-1] == (2_000_000, 2_000_000)
    sending = await send_text("a text")
    sent = sending.finish()
    offer = await receive(sending.code)
    assert offer.text == "a text"
    await offer.reject("not for me")
    try:
        await sent
    except RejectedError as error:
        assert "not for me" in str(error)
    else:
        raise AssertionError


async def in_a_thread_of_the_pool_the_first_names_block():
    from twisted.internet.threads import deferToThread

    from wormhole.transcribe import Initiator, Receiver

    initiator = Initiator(APP, b"one")
    code = await initiator.start()

    def blocking():
        theirs = Receiver(APP, code, b"two").finish()
        assert isinstance(theirs, bytes)
        return theirs

    theirs, ours = await defer.gatherResults([deferToThread(blocking), initiator.finish()])
    assert (theirs, ours) == (b"one", b"two")


async def asynchronous_hooks_are_awaited():
    async def verify(verifier):
        await later(0.05)
        return len(verifier) == 64

    initiator = Initiator(APP, b"one", verify=verify)
    receiver = Receiver(APP, await initiator.start(), b"two", verify=verify)
    assert await pair(initiator, receiver) == [b"two", b"one"]


async def every_mistake_is_a_failure_of_the_deferred():
    code = "4-guitarist-revenge"

    async def asynchronous(_):
        pass

    for call in (
        Initiator(APP, b"one").finish,
        Wormhole(APP).allocate,
        lambda: Wormhole(APP).set_code(5),
        lambda: send_text("a text", words=0),
        lambda: receive(code, listen="here"),
        lambda: send_file("missing"),
        lambda: send_file(5),
        lambda: send_file("scenes.py", progress=5),
        lambda: send_text("a text", on_status=5),
        lambda: send_text("a text", on_status=asynchronous),
        lambda: receive(code, on_status=0),
        lambda: receive(code, words=3),
    ):
        deferred = call()
        try:
            await deferred
        except (UsageError, TypeError, OSError):
            continue
        raise AssertionError


async def cancelled_while_the_verifier_is_compared():
    initiator = Initiator(APP, b"one", verify=lambda _: defer.Deferred())
    receiver = Receiver(APP, await initiator.start(), b"two")
    ended, other = initiator.finish(), receiver.finish()
    reactor.callLater(0.5, ended.cancel)
    ends = await defer.DeferredList([ended, other], consumeErrors=True)
    assert [type(end.value) for _, end in ends] == [defer.CancelledError, RejectedError]


def scene(name):
    def main(_reactor):
        return defer.ensureDeferred(globals()[name]()).addCallback(lambda _: print("it ended well"))

    return main


if __name__ == "__main__":
    assert wormhole_sync.__version__
    task.react(scene(sys.argv[1]))
