"""The same as `wormhole_sync`, with Deferreds, on the application's reactor.

    >>> from twisted.internet import task
    >>> from twisted.internet.defer import gatherResults
    >>> from wormhole_sync.twisted import Initiator, Receiver
    >>> def receiver(code):  # on the other computer
    ...     return Receiver("example.com/pairing", code, b"receiver's blob").finish()
    >>> def main(reactor):
    ...     initiator = Initiator("example.com/pairing", b"initiator's blob")
    ...     d = initiator.start()  # gives a code, such as 4-guitarist-revenge
    ...     d.addCallback(lambda code: gatherResults([receiver(code), initiator.finish()]))
    ...     d.addCallback(print)
    ...     return d
    >>> task.react(main)
    [b"initiator's blob", b"receiver's blob"]

Cancelling a Deferred ends what was asked for: an exchange lets go of the server in the background, a
transfer tells the other side, and `Wormhole.receive` loses no message. `verify` and `progress` may return
Deferreds, or be asynchronous, `on_status` may not; everything is called in the reactor's thread. A Deferred
can be awaited in a function that is `async def`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional, TypeVar

from twisted.internet.defer import Deferred

import wormhole_sync as blocking

from ._calls import Initiating, Offered, Receiving, Sent, Talking, bytes_of, check_called, existing
from ._calls import receiving as _receiving
from ._calls import sending as _sending
from ._options import Options, Routes, with_arguments_of
from ._settle import settle
from ._typing import AppId, Blob, Paths, Progress, Unpack, Verify, Watch
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

    >>> async def main(reactor):
    ...     initiator = Initiator("example.com/pairing", b"my public key")
    ...     print("Invitation code:", await initiator.start())
    ...     print("Once more:", initiator.code)
    ...     initiator.cancel()  # from any thread; or await initiator.finish()
    >>> task.react(main)
    Invitation code: ...-...-...
    Once more: ...-...-...
    """

    __slots__ = ()

    def start(self) -> Deferred[str]:
        """Connect, and give the code."""
        d = _wait(lambda: self._native.start(_in_reactor(self._watch)))
        return d.addCallback(self._show)

    def finish(self) -> Deferred[bytes]:
        """Wait for the other side, and give its blob.

        When this fires, the own blob is at the server for the other side to fetch.

        >>> async def main(reactor):
        ...     initiator = Initiator("example.com/pairing", b"one")
        ...     receiver = Receiver("example.com/pairing", await initiator.start(), b"two")
        ...     elsewhere = receiver.finish()  # on the other computer
        ...     print(await initiator.finish())
        ...     await elsewhere
        >>> task.react(main)
        b'two'
        """
        return _wait(lambda: self._native.finish(self._asks), verify=self._verify)


class Receiver(Receiving):
    """The side that types the code.

    >>> async def main(reactor):
    ...     initiator = Initiator("example.com/pairing", b"one")
    ...     receiver = Receiver("example.com/pairing", await initiator.start(), b"two")
    ...     elsewhere = initiator.finish()  # on the other computer
    ...     print(await receiver.finish())
    ...     await elsewhere
    ...     receiver.cancel()  # from any thread, while it waits
    >>> task.react(main)
    b'one'
    """

    __slots__ = ()

    def finish(self) -> Deferred[bytes]:
        """Connect, wait for the other side, and give its blob."""
        watch = _in_reactor(self._watch)
        return _wait(lambda: self._native.exchange(watch, self._asks), verify=self._verify)


class Wormhole(Talking):
    """The general form: any number of messages each way, in order.

    >>> async def main(reactor):
    ...     one, other = Wormhole("example.com/told", app_versions={"chat": 1}), Wormhole("example.com/told")
    ...     await one.connect()
    ...     print(await one.nameplates(), one.welcome)
    ...     await other.connect()
    ...     await other.set_code(await one.allocate())
    ...     assert one.code == other.code
    ...     assert await one.confirm() == await other.confirm() == one.verifier
    ...     await one.send(b"hello")
    ...     print(await other.receive(), other.peer_versions)
    ...     assert await one.derive_key("history") == await other.derive_key("history")
    ...     await one.close()
    ...     other.abort()  # because something is wrong
    >>> task.react(main)
    [] back at noon
    b'hello' {'chat': 1}
    """

    __slots__ = ()

    def connect(self) -> Deferred[None]:
        """Connect to the server. A connection that is lost later is resumed without a word."""
        return _wait(lambda: self._native.connect(_in_reactor(self._watch)))

    def nameplates(self) -> Deferred[list[str]]:
        """Give the numbers in use, for completing a code. Many servers do not tell them."""
        return _wait(self._native.nameplates)

    def allocate(self) -> Deferred[str]:
        """Give a code that nobody else has."""
        return _wait(self._native.allocate)

    def set_code(self, code: str) -> Deferred[None]:
        """Use a code that is known. Its one guess is spent as soon as the other side is there."""
        return _wait(lambda: self._native.set_code(code)).addCallback(lambda _: None)

    def confirm(self) -> Deferred[str]:
        """Wait for the other side, until it has shown that it knows the code. Give the verifier.

        `send`, `receive` and `derive_key` wait for that by themselves.
        """
        return _wait(self._native.confirm)

    def send(self, message: Blob) -> Deferred[None]:
        """Send a message of at most `MAX_BLOB` bytes. It is stored at the server when `close` fires."""
        return _wait(lambda: self._native.send(bytes_of("message", message)))

    def receive(self) -> Deferred[bytes]:
        """Give the other side's next message. A wait that is cancelled loses none."""
        return _wait(self._native.receive)

    def derive_key(self, purpose: str, length: int = 32) -> Deferred[bytes]:
        """Give a key of 1 to 8160 bytes that both sides can derive for a purpose, and nobody else."""
        return _wait(lambda: self._native.derive_key(purpose, length))

    def close(self) -> Deferred[None]:
        """Wait until everything sent is stored at the server, let everything go, and disconnect."""
        return _wait(self._native.close)


class Sending(Sent):
    """Something that is being sent. It goes on by itself; `finish` says how it ended.

    >>> def receiver(code):  # on the other computer
    ...     return receive(code).addCallback(lambda offer: offer.accept())
    >>> async def main(reactor):
    ...     sending = await send_text("the wifi is hunter2")
    ...     print("On the other computer: wormhole receive", sending.code, sending.left_out)
    ...     elsewhere = receiver(sending.code)
    ...     await sending.finish()
    ...     await elsewhere
    ...     sending.cancel("not today")  # from any thread, while it goes on
    >>> task.react(main)
    On the other computer: wormhole receive ...-...-... []
    """

    __slots__ = ()

    def finish(self) -> Deferred[None]:
        """Wait until the other side has all of it, and says so. `progress` is called meanwhile."""
        return _wait(self._native.finish, verify=self._verify, progress=self._progress)


class Offer(Offered):
    """What the other side offers. Of a file or directory nothing has come yet.

    >>> async def main(reactor):
    ...     sending = await send_file("plan.pdf", listen="127.0.0.1:0")
    ...     sent = sending.finish()  # on the other computer
    ...     offer = await receive(sending.code, listen="127.0.0.1:0")
    ...     print(offer.kind, offer.name, offer.size, offer.files, offer.text, offer.warning)
    ...     print(await offer.accept(into="received/", rename=True))
    ...     await sent
    ...     offer.cancel()  # from any thread, while it goes on
    >>> task.react(main)
    file plan.pdf 12 None None None
    received/plan...pdf
    """

    __slots__ = ()

    @with_arguments_of(blocking.Offer.accept)
    def accept(
        self,
        into: AnyPath = ".",
        *,
        overwrite: bool = False,
        rename: bool = False,
        progress: Optional[Progress] = None,
    ) -> Deferred[Optional[Path]]:
        """Take it, and give where it stands then; `None` for a text.

        Nothing stands under its final name before all of it has come, been verified, and is on the disk.
        `progress` may return a Deferred.
        """

        def call() -> "_native.Pending[Optional[Path]]":
            check_called(awaits=True, progress=progress)
            return self._native.accept(into, existing(overwrite=overwrite, rename=rename))

        return _wait(call, progress=progress)

    def reject(self, reason: str = "transfer rejected") -> Deferred[None]:
        """Refuse it, and tell the other side why.

        >>> async def main(reactor):
        ...     sending = await send_text("the wifi is hunter2")
        ...     sent = sending.finish()  # on the other computer
        ...     await (await receive(sending.code)).reject("not for me")
        ...     try:
        ...         await sent
        ...     except RejectedError as error:
        ...         print(error)
        >>> task.react(main)
        the other side refused: not for me; ask its user
        """
        return _wait(lambda: self._native.reject(reason))


@with_arguments_of(blocking.send_file, without="canceller")
def send_file(  # noqa: PLR0913 # it is the sum of what can be chosen
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
) -> Deferred[Sending]:
    """Offer a file or a directory to any tool of the family, and fire once there is a code.

    >>> async def main(reactor):
    ...     sending = await send_file("plan.pdf")
    ...     print("On the other computer: wormhole receive", sending.code)
    ...     sending.cancel()  # or await sending.finish()
    >>> task.react(main)
    On the other computer: wormhole receive ...-...-...

    `verify` and `progress` may return Deferreds.
    """
    watch = options.pop("on_status", None)
    more = {"name": name, "ignore_unsendable": ignore_unsendable, "code": code, "words": words}
    return _send(None, paths, appid, watch, verify, progress, {**options, **more})


@with_arguments_of(blocking.send_text, without="canceller")
def send_text(  # it is the sum of what can be chosen
    text: str,
    *,
    code: Optional[str] = None,
    words: Optional[int] = None,
    verify: Optional[Verify] = None,
    appid: Optional[AppId] = None,
    **options: Unpack[Options],
) -> Deferred[Sending]:
    """Offer a text to any tool of the family, and fire once there is a code.

    >>> async def main(reactor):
    ...     sending = await send_text("the wifi is hunter2")
    ...     print("On the other computer: wormhole receive", sending.code)
    ...     sending.cancel()  # or await sending.finish()
    >>> task.react(main)
    On the other computer: wormhole receive ...-...-...

    `verify` may return a Deferred.
    """
    watch = options.pop("on_status", None)
    more = {"code": code, "words": words}
    return _send(text, (), appid, watch, verify, None, {**options, **more})


@with_arguments_of(blocking.receive, without="canceller")
def receive(
    code: str,
    *,
    verify: Optional[Verify] = None,
    appid: Optional[AppId] = None,
    **options: Unpack[Routes],
) -> Deferred[Offer]:
    """Wait for what a sender offers under this code, and give the offer.

    >>> async def main(reactor):
    ...     sending = await send_text("the wifi is hunter2")
    ...     sent = sending.finish()  # on the other computer
    ...     offer = await receive(sending.code)
    ...     await offer.accept()
    ...     print(offer.text)
    ...     await sent
    >>> task.react(main)
    the wifi is hunter2

    `verify` may return a Deferred.
    """
    watch = options.pop("on_status", None)

    def call() -> "_native.Pending[_native.Offer]":
        return _receiving(code, appid, _in_reactor(watch, verify=verify), verify, options)

    return _wait(call, verify=verify).addCallback(Offer)


def _send(  # noqa: PLR0913, PLR0917 # it is the sum of what can be chosen
    text: Optional[str],
    paths: Paths,
    appid: Optional[AppId],
    watch: Optional[Watch],
    verify: Optional[Verify],
    progress: Optional[Progress],
    options: dict[str, Any],
) -> Deferred[Sending]:
    begun: list[_native.Sending] = []

    def begin() -> "_native.Pending[str]":
        called = _in_reactor(watch, verify=verify, progress=progress)
        native, pending = _sending(text, paths, appid, called, verify, options)
        begun.append(native)
        return pending

    return _wait(begin).addCallback(lambda code: Sending(begun[0], code, verify, progress))


def _wait(call: Callable[[], "_native.Pending[T]"], **hooks: Any) -> Deferred[T]:  # noqa: ANN401
    """Call, and wait for what is pending in the reactor's thread. A mistake in the call is a failure, too."""

    async def wait() -> T:
        pending = call()
        return await settle(pending, _News(pending), **hooks)

    return Deferred.fromCoroutine(wait())


class _News:
    """A Deferred for each time that there is news."""

    def __init__(self, pending: "_native.Pending[Any]") -> None:
        self._came = False
        self._waiting: Optional[Deferred[None]] = None
        pending.on_news(_soon(self._come))

    def __call__(self) -> Deferred[None]:
        waiting: Deferred[None] = Deferred()
        self._waiting = waiting
        if self._came:
            self._come()
        return waiting

    def _come(self) -> None:
        waiting, self._waiting = self._waiting, None
        self._came = waiting is None
        if waiting is not None and not waiting.called:
            waiting.callback(None)


def _in_reactor(watch: Optional[Watch], **called: object) -> Optional[Watch]:
    check_called(awaits=True, on_status=watch, **called)
    return None if watch is None else _soon(watch)


def _soon(call: Callable[..., object]) -> Callable[..., None]:
    """Make it callable from any thread, and run in the reactor's."""
    from twisted.internet import reactor  # noqa: PLC0415 # the application may choose one until now

    def soon(*arguments: object) -> None:
        reactor.callFromThread(call, *arguments)

    return soon
