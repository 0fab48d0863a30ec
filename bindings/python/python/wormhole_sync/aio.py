"""The same as `wormhole_sync`, with `await`.

    >>> import asyncio
    >>> from wormhole_sync.aio import Initiator, Receiver
    >>> async def main():
    ...     initiator = Initiator("example.com/pairing", b"initiator's blob")
    ...     code = await initiator.start()                # such as 4-guitarist-revenge
    ...     receiver = Receiver("example.com/pairing", code, b"receiver's blob")  # on the other computer
    ...     print(await asyncio.gather(initiator.finish(), receiver.finish()))
    >>> asyncio.run(main())
    [b"receiver's blob", b"initiator's blob"]

Cancelling whatever awaits one of these ends what was asked for: an exchange lets go of the server in the
background, a transfer tells the other side, and `Wormhole.receive` loses no message. `verify` and `progress`
may be asynchronous, `on_status` may not; everything is called in the event loop.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Optional, TypeVar

import wormhole_sync as blocking

from ._calls import Initiating, Offered, Receiving, Sent, Talking, bytes_of, check_called, existing
from ._calls import receiving as _receiving
from ._calls import sending as _sending
from ._options import Options, Routes, with_arguments_of
from ._settle import settle
from ._typing import AppId, Blob, Paths, Progress, Self, Unpack, Verify, Watch
from ._typing import Path as AnyPath
from .errors import *  # noqa: F403
from .errors import __all__ as _errors

if TYPE_CHECKING:
    from . import _native

T = TypeVar("T")

__all__ = [  # noqa: PLE0604 # the errors are texts, too
    "Initiator",
    "Offer",
    "Receiver",
    "Sending",
    "Wormhole",
    "receive",
    "send_file",
    "send_text",
    *_errors,
]


class Initiator(Initiating):
    """The side that shows the code.

    >>> async def main():
    ...     initiator = Initiator("example.com/pairing", b"my public key")
    ...     print("Invitation code:", await initiator.start())
    ...     print("Once more:", initiator.code)
    ...     initiator.cancel()  # from any thread; or await initiator.finish()
    >>> asyncio.run(main())
    Invitation code: ...-...-...
    Once more: ...-...-...
    """

    __slots__ = ()

    async def start(self) -> str:
        """Connect, and return the code."""
        return self._show(await _wait(self._native.start(_in_loop(self._watch))))

    async def finish(self) -> bytes:
        """Wait for the other side, and return its blob.

        When this returns, the own blob is at the server for the other side to fetch.

        >>> async def main():
        ...     initiator = Initiator("example.com/pairing", b"one")
        ...     receiver = Receiver("example.com/pairing", await initiator.start(), b"two")
        ...     elsewhere = asyncio.create_task(receiver.finish())  # on the other computer
        ...     print(await initiator.finish())
        ...     await elsewhere
        >>> asyncio.run(main())
        b'two'
        """
        return await _wait(self._native.finish(self._asks), verify=self._verify)


class Receiver(Receiving):
    """The side that types the code.

    >>> async def main():
    ...     initiator = Initiator("example.com/pairing", b"one")
    ...     receiver = Receiver("example.com/pairing", await initiator.start(), b"two")
    ...     elsewhere = asyncio.create_task(initiator.finish())  # on the other computer
    ...     print(await receiver.finish())
    ...     await elsewhere
    ...     receiver.cancel()  # from any thread, while it waits
    >>> asyncio.run(main())
    b'one'
    """

    __slots__ = ()

    async def finish(self) -> bytes:
        """Connect, wait for the other side, and return its blob."""
        pending = self._native.exchange(_in_loop(self._watch), self._asks)
        return await _wait(pending, verify=self._verify)


class Wormhole(Talking):
    """The general form: any number of messages each way, in order.

    >>> async def main():
    ...     async with Wormhole("example.com/chat") as one, Wormhole("example.com/chat") as other:
    ...         await other.set_code(await one.allocate())
    ...         await one.send(b"hello")
    ...         print(await other.receive())
    >>> asyncio.run(main())
    b'hello'

    Without `async with`, and with all there is to know:

    >>> async def main():
    ...     one, other = Wormhole("example.com/told", app_versions={"chat": 1}), Wormhole("example.com/told")
    ...     await one.connect()
    ...     print(await one.nameplates(), one.welcome)
    ...     await other.connect()
    ...     await other.set_code(await one.allocate())
    ...     assert one.code == other.code
    ...     verifier, same = await asyncio.gather(one.confirm(), other.confirm())
    ...     assert verifier == same == one.verifier
    ...     print(other.peer_versions)
    ...     assert await one.derive_key("history") == await other.derive_key("history")
    ...     await one.close()
    ...     other.abort()  # because something is wrong
    >>> asyncio.run(main())
    [] back at noon
    {'chat': 1}
    """

    __slots__ = ()

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        if error is None:
            await self.close()
        else:
            self.abort()

    async def connect(self) -> None:
        """Connect to the server. A connection that is lost later is resumed without a word."""
        await _wait(self._native.connect(_in_loop(self._watch)))

    async def nameplates(self) -> list[str]:
        """Return the numbers in use, for completing a code. Many servers do not tell them."""
        return await _wait(self._native.nameplates())

    async def allocate(self) -> str:
        """Return a code that nobody else has."""
        return await _wait(self._native.allocate())

    async def set_code(self, code: str) -> None:
        """Use a code that is known. Its one guess is spent as soon as the other side is there."""
        await _wait(self._native.set_code(code))

    async def confirm(self) -> str:
        """Wait for the other side, until it has shown that it knows the code. Return the verifier.

        `send`, `receive` and `derive_key` wait for that by themselves.
        """
        return await _wait(self._native.confirm())

    async def send(self, message: Blob) -> None:
        """Send a message of at most `MAX_BLOB` bytes. It is stored at the server when `close` returns."""
        await _wait(self._native.send(bytes_of("message", message)))

    async def receive(self) -> bytes:
        """Return the other side's next message. A wait that is cancelled loses none."""
        return await _wait(self._native.receive())

    async def derive_key(self, purpose: str, length: int = 32) -> bytes:
        """Return a key of 1 to 8160 bytes that both sides can derive for a purpose, and nobody else."""
        return await _wait(self._native.derive_key(purpose, length))

    async def close(self) -> None:
        """Wait until everything sent is stored at the server, let everything go, and disconnect."""
        await _wait(self._native.close())


class Sending(Sent):
    """Something that is being sent. It goes on by itself; `finish` says how it ended.

    >>> async def receiver(code):  # on the other computer
    ...     await (await receive(code)).accept()
    >>> async def main():
    ...     sending = await send_text("the wifi is hunter2")
    ...     print("On the other computer: wormhole receive", sending.code, sending.left_out)
    ...     elsewhere = asyncio.create_task(receiver(sending.code))
    ...     await sending.finish()
    ...     await elsewhere
    ...     sending.cancel("not today")  # from any thread, while it goes on
    >>> asyncio.run(main())
    On the other computer: wormhole receive ...-...-... []
    """

    __slots__ = ()

    async def finish(self) -> None:
        """Wait until the other side has all of it, and says so. `progress` is called meanwhile."""
        await _wait(self._native.finish(), verify=self._verify, progress=self._progress)


class Offer(Offered):
    """What the other side offers. Of a file or directory nothing has come yet.

    >>> async def main():
    ...     sending = await send_file("plan.pdf", listen="127.0.0.1:0")
    ...     sent = asyncio.create_task(sending.finish())  # on the other computer
    ...     offer = await receive(sending.code, listen="127.0.0.1:0")
    ...     print(offer.kind, offer.name, offer.size, offer.files, offer.text, offer.warning)
    ...     print(await offer.accept(into="received/", rename=True))
    ...     await sent
    ...     offer.cancel()  # from any thread, while it goes on
    >>> asyncio.run(main())
    file plan.pdf 12 None None None
    received/plan...pdf
    """

    __slots__ = ()

    @with_arguments_of(blocking.Offer.accept)
    async def accept(
        self,
        into: AnyPath = ".",
        *,
        overwrite: bool = False,
        rename: bool = False,
        progress: Optional[Progress] = None,
    ) -> Optional[Path]:
        """Take it, and return where it stands then; `None` for a text.

        Nothing stands under its final name before all of it has come, been verified, and is on the disk.
        `progress` may be asynchronous.
        """
        check_called(awaits=True, progress=progress)
        pending = self._native.accept(into, existing(overwrite=overwrite, rename=rename))
        return await _wait(pending, progress=progress)

    async def reject(self, reason: str = "transfer rejected") -> None:
        """Refuse it, and tell the other side why.

        >>> async def main():
        ...     sending = await send_text("the wifi is hunter2")
        ...     sent = asyncio.create_task(sending.finish())  # on the other computer
        ...     await (await receive(sending.code)).reject("not for me")
        ...     try:
        ...         await sent
        ...     except RejectedError as error:
        ...         print(error)
        >>> asyncio.run(main())
        the other side refused: not for me; ask its user
        """
        await _wait(self._native.reject(reason))


@with_arguments_of(blocking.send_file, without="canceller")
async def send_file(  # noqa: PLR0913 # it is the sum of what can be chosen
    paths: Paths,
    *,
    name: Optional[str] = None,
    ignore_unsendable: bool = False,
    code: Optional[str] = None,
    words: Optional[int] = None,
    verify: Optional[Verify] = None,
    progress: Optional[Progress] = None,
    appid: Optional[AppId] = None,
    **options: Unpack[Routes],
) -> Sending:
    """Offer a file or a directory to any tool of the family, and return once there is a code.

    >>> async def main():
    ...     sending = await send_file("plan.pdf")
    ...     print("On the other computer: wormhole receive", sending.code)
    ...     sending.cancel()  # or await sending.finish()
    >>> asyncio.run(main())
    On the other computer: wormhole receive ...-...-...

    `verify` and `progress` may be asynchronous.
    """
    watch = _in_loop(options.pop("on_status", None), verify=verify, progress=progress)
    more = {"name": name, "ignore_unsendable": ignore_unsendable, "code": code, "words": words}
    native, pending = _sending(None, paths, appid, watch, verify, {**options, **more})
    return Sending(native, await _wait(pending), verify, progress)


@with_arguments_of(blocking.send_text, without="canceller")
async def send_text(  # it is the sum of what can be chosen
    text: str,
    *,
    code: Optional[str] = None,
    words: Optional[int] = None,
    verify: Optional[Verify] = None,
    appid: Optional[AppId] = None,
    **options: Unpack[Options],
) -> Sending:
    """Offer a text to any tool of the family, and return once there is a code.

    >>> async def main():
    ...     sending = await send_text("the wifi is hunter2")
    ...     print("On the other computer: wormhole receive", sending.code)
    ...     sending.cancel()  # or await sending.finish()
    >>> asyncio.run(main())
    On the other computer: wormhole receive ...-...-...

    `verify` may be asynchronous.
    """
    watch = _in_loop(options.pop("on_status", None), verify=verify)
    more = {"code": code, "words": words}
    native, pending = _sending(text, (), appid, watch, verify, {**options, **more})
    return Sending(native, await _wait(pending), verify, None)


@with_arguments_of(blocking.receive, without="canceller")
async def receive(
    code: str,
    *,
    verify: Optional[Verify] = None,
    appid: Optional[AppId] = None,
    **options: Unpack[Routes],
) -> Offer:
    """Wait for what a sender offers under this code, and return the offer.

    >>> async def main():
    ...     sending = await send_text("the wifi is hunter2")
    ...     sent = asyncio.create_task(sending.finish())  # on the other computer
    ...     offer = await receive(sending.code)
    ...     await offer.accept()
    ...     print(offer.text)
    ...     await sent
    >>> asyncio.run(main())
    the wifi is hunter2

    `verify` may be asynchronous.
    """
    watch = _in_loop(options.pop("on_status", None), verify=verify)
    return Offer(await _wait(_receiving(code, appid, watch, verify, options), verify=verify))


async def _wait(pending: "_native.Pending[T]", **hooks: Any) -> T:  # noqa: ANN401
    """Wait for it in this event loop."""
    came = asyncio.Event()
    pending.on_news(_soon(asyncio.get_running_loop(), came.set))

    async def news() -> None:
        await came.wait()
        came.clear()

    return await settle(pending, news, **hooks)


def _in_loop(watch: Optional[Watch], **called: object) -> Optional[Watch]:
    check_called(awaits=True, on_status=watch, **called)
    return None if watch is None else _soon(asyncio.get_running_loop(), watch)


def _soon(loop: asyncio.AbstractEventLoop, call: Callable[..., object]) -> Callable[..., None]:
    """Make it callable from any thread, and run in the loop, as long as that is there."""

    def soon(*arguments: object) -> None:
        try:
            loop.call_soon_threadsafe(call, *arguments)
        except RuntimeError:  # the loop is closed, and nobody waits in it any more
            if not loop.is_closed():
                raise

    return soon
