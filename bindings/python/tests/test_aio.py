"""The face for asyncio."""

import asyncio
import threading
import time

import pytest

import wormhole_sync
from wormhole_sync import LinkError, RejectedError, StoppedError, VerifierRefusedError, WrongCodeError, aio

APP = "example.com/aio"


async def nameplates(appid):
    async with aio.Wormhole(appid) as wormhole:
        return await wormhole.nameplates()


async def until_free(appid):
    for _ in range(500):
        if await nameplates(appid) == []:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("its number is still taken")


async def pair(one, other):
    return await asyncio.gather(one.finish(), other.finish(), return_exceptions=True)


def test_a_blob_each_way():
    async def main():
        initiator = aio.Initiator(APP, b"one")
        receiver = aio.Receiver(APP, await initiator.start(), b"two")
        assert await pair(initiator, receiver) == [b"two", b"one"]
        assert initiator.code.count("-") == 2

    asyncio.run(main())


def test_many_at_once():
    async def one(number):
        initiator = aio.Initiator(APP, b"%d" % number)
        return await pair(initiator, aio.Receiver(APP, await initiator.start(), b"two"))

    async def main():
        outcomes = await asyncio.gather(*(one(number) for number in range(50)))
        assert outcomes == [[b"two", b"%d" % number] for number in range(50)]

    asyncio.run(main())


def test_errors_are_raised():
    async def main():
        initiator = aio.Initiator(APP, b"one")
        receiver = aio.Receiver(APP, await initiator.start() + "x", b"two")
        assert [type(error) for error in await pair(initiator, receiver)] == [WrongCodeError] * 2
        with pytest.raises(ConnectionError):
            await aio.Initiator(APP, b"one", rendezvous="ws://127.0.0.1:1/v1").start()

    asyncio.run(main())


def test_a_wait_that_is_cancelled_lets_go_of_the_server():
    async def main():
        initiator = aio.Initiator("example.com/aio-cancelled", b"one")
        await initiator.start()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(initiator.finish(), 0.2)
        await until_free("example.com/aio-cancelled")

    asyncio.run(main())


def test_it_can_be_cancelled_from_another_thread():
    async def main():
        initiator = aio.Initiator(APP, b"one")
        await initiator.start()
        threading.Timer(0.2, initiator.cancel).start()
        with pytest.raises(StoppedError):
            await initiator.finish()

    asyncio.run(main())


def test_the_verifier_may_be_asked_for_asynchronously():
    shown = []

    async def verify(verifier):
        await asyncio.sleep(0.05)
        shown.append(verifier)
        return len(shown) < 3

    async def main():
        for expected in ([bytes, bytes], [RejectedError, VerifierRefusedError]):
            initiator = aio.Initiator(APP, b"one", verify=verify if expected[0] is bytes else None)
            receiver = aio.Receiver(APP, await initiator.start(), b"two", verify=verify)
            assert [type(end) for end in await pair(initiator, receiver)] == expected
        assert shown[0] == shown[1] != shown[2]

    asyncio.run(main())


def test_what_happens_is_told_in_the_loop():
    told = []

    async def main():
        here = threading.get_ident()
        initiator = aio.Initiator(
            APP, b"one", on_status=lambda event: told.append((event["event"], threading.get_ident() == here))
        )
        await pair(initiator, aio.Receiver(APP, await initiator.start(), b"two"))
        await asyncio.sleep(0.2)

    asyncio.run(main())
    assert ("key_confirmed", True) in told
    assert all(in_loop for _, in_loop in told)


def test_a_loop_that_ends_meanwhile_does_no_harm():
    kept = []

    async def main():
        initiator = aio.Initiator("example.com/aio-ended", b"one", on_status=lambda _: None)
        await initiator.start()
        kept.append(asyncio.ensure_future(initiator.finish()))
        await asyncio.sleep(0.1)

    asyncio.run(main())
    assert kept[0].cancelled()
    asyncio.run(until_free("example.com/aio-ended"))


def test_a_receive_that_is_cancelled_at_any_moment_loses_no_message():
    async def main():
        async with aio.Wormhole(APP) as one, aio.Wormhole(APP) as other:
            await other.set_code(await one.allocate())
            await one.confirm()
            count, got = 200, []
            for number in range(count):
                await one.send(b"%d" % number)
            while len(got) < count:
                waiting = asyncio.ensure_future(other.receive())
                for _ in range(len(got) % 7):
                    await asyncio.sleep(0)
                if len(got) % 3 == 0:
                    await asyncio.sleep(0.0005)
                if not waiting.done():
                    waiting.cancel()
                try:
                    got.append(await waiting)
                except asyncio.CancelledError:
                    got.append(await other.receive())
            assert got == [b"%d" % number for number in range(count)]

    asyncio.run(main())


def test_sending_while_receiving():
    async def main():
        async with aio.Wormhole(APP) as one, aio.Wormhole(APP) as other:
            await other.set_code(await one.allocate())
            waiting = [asyncio.ensure_future(side.receive()) for side in (one, other)]
            await asyncio.sleep(0.1)
            await asyncio.gather(one.send(b"one"), other.send(b"two"))
            assert await asyncio.gather(*waiting) == [b"two", b"one"]
            keys = await asyncio.gather(one.derive_key("purpose"), other.derive_key("purpose"))
            assert keys[0] == keys[1]

    asyncio.run(main())


def test_a_file_goes_and_comes(tmp_path, relay):
    (tmp_path / "plan.pdf").write_bytes(bytes(3_000_000))
    told = []

    async def progress(moved, total):
        await asyncio.sleep(0)
        told.append((moved, total))

    async def main():
        options = {"listen": False, "relay": relay.url}
        sending = await aio.send_file(tmp_path / "plan.pdf", progress=progress, **options)
        sent = asyncio.ensure_future(sending.finish())
        offer = await aio.receive(sending.code, **options)
        assert (offer.kind, offer.name, offer.size) == ("file", "plan.pdf", 3_000_000)
        stands = await offer.accept(tmp_path / "here", progress=progress)
        await sent
        assert stands.read_bytes() == bytes(3_000_000)

    asyncio.run(main())
    assert told[-1][1] == 3_000_000


def test_a_transfer_that_is_cancelled_ends_on_both_sides(tmp_path):
    (tmp_path / "large").write_bytes(bytes(400_000_000))

    async def main():
        moving = asyncio.Event()
        sending = await aio.send_file("large", listen="127.0.0.1:0", progress=lambda *_: moving.set())
        sent = asyncio.ensure_future(sending.finish())
        offer = await aio.receive(sending.code, listen="127.0.0.1:0")
        coming = asyncio.ensure_future(offer.accept("here"))
        await moving.wait()
        sent.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sent
        with pytest.raises((RejectedError, LinkError)):
            await coming
        assert [path.name for path in tmp_path.iterdir()] == ["large"]

    asyncio.run(main())


def test_a_text():
    async def main():
        sending = await aio.send_text("the wifi is hunter2")
        sent = asyncio.ensure_future(sending.finish())
        offer = await aio.receive(sending.code)
        assert (offer.kind, offer.text) == ("text", "the wifi is hunter2")
        assert await offer.accept() is None
        await sent
        with pytest.raises(wormhole_sync.UsageError):
            await offer.accept()

    asyncio.run(main())


def test_what_cannot_be_called_or_would_not_be_awaited_is_told_at_the_call(tmp_path):
    (tmp_path / "plan.pdf").write_bytes(b"a whole plan")

    async def asynchronous(*_):
        return True

    async def main():
        for hooks in ({"on_status": 5}, {"on_status": 0}, {"verify": 5}, {"on_status": asynchronous}):
            for call in (
                lambda more: aio.send_file("plan.pdf", **more),
                lambda more: aio.send_text("a text", **more),
                lambda more: aio.receive("4-guitarist-revenge", **more),
            ):
                with pytest.raises(TypeError, match=f"{next(iter(hooks))} must be"):
                    await call(hooks)
        with pytest.raises(TypeError, match="progress must be something that can be called"):
            await aio.send_file("plan.pdf", progress=5)
        with pytest.raises(TypeError, match="unexpected keyword argument 'canceller'"):
            await aio.receive("4-guitarist-revenge", canceller=wormhole_sync.Canceller())
        sending = await aio.send_file("plan.pdf", listen="127.0.0.1:0", verify=asynchronous)
        sent = asyncio.ensure_future(sending.finish())
        offer = await aio.receive(sending.code, listen="127.0.0.1:0", verify=asynchronous)
        with pytest.raises(TypeError, match="progress must be something that can be called"):
            await offer.accept("here", progress=5)
        await offer.accept("here", progress=asynchronous)
        await sent

    asyncio.run(main())


def test_the_loop_goes_on_while_one_waits():
    async def main():
        initiator = aio.Initiator(APP, b"one", time_limit=0.5)
        await initiator.start()
        waiting = asyncio.ensure_future(initiator.finish())
        longest = 0.0
        while not waiting.done():
            began = time.monotonic()
            await asyncio.sleep(0.001)
            longest = max(longest, time.monotonic() - began)
        with pytest.raises(TimeoutError):
            await waiting
        assert longest < 0.3

    asyncio.run(main())
