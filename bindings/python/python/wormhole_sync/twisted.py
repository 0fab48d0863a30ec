"""The same as `wormhole_sync`, with Deferreds, on the application's reactor.

    from twisted.internet import task
    from wormhole_sync.twisted import Initiator

    def main(reactor):
        initiator = Initiator("example.com/pairing", b"initiator's blob")
        d = initiator.start()
        d.addCallback(lambda code: print("Invitation code:", code))
        d.addCallback(lambda _: initiator.finish())
        d.addCallback(lambda blob: print("Their blob:", blob))
        return d

    task.react(main)

Cancelling a Deferred ends what was asked for: an exchange lets go of the server in the background, a
transfer tells the other side, and `Wormhole.receive` loses no message. `verify` and `progress` may return
Deferreds, and everything is called in the reactor's thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from twisted.internet.defer import Deferred

from ._calls import Initiating, Offered, Receiving, Sent, Talking, bytes_of, existing
from ._calls import receiving as _receiving
from ._calls import sending as _sending
from ._settle import settle
from .errors import *  # noqa: F403
from .errors import __all__ as _errors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from typing_extensions import Unpack

    from . import _native
    from ._calls import Progress, Verify, Watch
    from ._native import Pending
    from ._options import Options, Routes
    from ._options import Path as AnyPath

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
    """The side that shows the code."""

    __slots__ = ()

    def start(self) -> Deferred[str]:
        """Connect, and give the code."""
        d = _wait(lambda: self._native.start(_in_reactor(self._watch)))
        return d.addCallback(self._show)

    def finish(self) -> Deferred[bytes]:
        """Wait for the other side, and give its blob.

        When this fires, the own blob is at the server for the other side to fetch.
        """
        return _wait(lambda: self._native.finish(self._asks), verify=self._verify)


class Receiver(Receiving):
    """The side that types the code."""

    __slots__ = ()

    def finish(self) -> Deferred[bytes]:
        """Connect, wait for the other side, and give its blob."""
        watch = _in_reactor(self._watch)
        return _wait(lambda: self._native.exchange(watch, self._asks), verify=self._verify)


class Wormhole(Talking):
    """The general form: any number of messages each way, in order."""

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

    def send(self, message: bytes | bytearray | memoryview) -> Deferred[None]:
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
    """Something that is being sent. It goes on by itself; `finish` says how it ended."""

    __slots__ = ()

    def finish(self) -> Deferred[None]:
        """Wait until the other side has all of it, and says so. `progress` is called meanwhile."""
        return _wait(self._native.finish, verify=self._verify, progress=self._progress)


class Offer(Offered):
    """What the other side offers. Of a file or directory nothing has come yet."""

    __slots__ = ()

    def accept(
        self,
        into: AnyPath = ".",
        *,
        overwrite: bool = False,
        rename: bool = False,
        progress: Progress | None = None,
    ) -> Deferred[Path | None]:
        """Take it, and give where it stands then; `None` for a text.

        The arguments are those of `wormhole_sync.Offer.accept`.
        """
        return _wait(
            lambda: self._native.accept(into, existing(overwrite=overwrite, rename=rename)), progress=progress
        )

    def reject(self, reason: str = "transfer rejected") -> Deferred[None]:
        """Refuse it, and tell the other side why."""
        return _wait(lambda: self._native.reject(reason))


def send_file(  # noqa: PLR0913 # it is the sum of what can be chosen
    paths: AnyPath | Sequence[AnyPath],
    *,
    name: str | None = None,
    ignore_unsendable: bool = False,
    code: str | None = None,
    words: int | None = None,
    verify: Verify | None = None,
    progress: Progress | None = None,
    appid: str | bytes | None = None,
    **options: Unpack[Routes],
) -> Deferred[Sending]:
    """Offer a file or a directory to any tool of the family, and fire once there is a code.

    The arguments are those of `wormhole_sync.send_file`.
    """
    watch = _in_reactor(options.pop("on_status", None))
    more = {"name": name, "ignore_unsendable": ignore_unsendable, "code": code, "words": words}
    return _send(None, paths, appid, watch, verify, progress, {**options, **more})


def send_text(  # it is the sum of what can be chosen
    text: str,
    *,
    code: str | None = None,
    words: int | None = None,
    verify: Verify | None = None,
    appid: str | bytes | None = None,
    **options: Unpack[Options],
) -> Deferred[Sending]:
    """Offer a text to any tool of the family, and fire once there is a code.

    The arguments are those of `wormhole_sync.send_text`.
    """
    watch = _in_reactor(options.pop("on_status", None))
    more = {"code": code, "words": words}
    return _send(text, (), appid, watch, verify, None, {**options, **more})


def receive(
    code: str,
    *,
    verify: Verify | None = None,
    appid: str | bytes | None = None,
    **options: Unpack[Routes],
) -> Deferred[Offer]:
    """Wait for what a sender offers under this code, and give the offer.

    The arguments are those of `wormhole_sync.receive`.
    """
    watch = _in_reactor(options.pop("on_status", None))
    return _wait(lambda: _receiving(code, appid, watch, verify, options), verify=verify).addCallback(Offer)


def _send(  # noqa: PLR0913, PLR0917 # it is the sum of what can be chosen
    text: str | None,
    paths: AnyPath | Sequence[AnyPath],
    appid: str | bytes | None,
    watch: Watch | None,
    verify: Verify | None,
    progress: Progress | None,
    options: dict[str, Any],
) -> Deferred[Sending]:
    begun: list[_native.Sending] = []

    def begin() -> Pending[str]:
        native, pending = _sending(text, paths, appid, watch, verify, options)
        begun.append(native)
        return pending

    return _wait(begin).addCallback(lambda code: Sending(begun[0], code, verify, progress))


def _wait(call: Callable[[], Pending[T]], **hooks: Any) -> Deferred[T]:  # noqa: ANN401
    """Call, and wait for what is pending in the reactor's thread. A mistake in the call is a failure, too."""

    async def wait() -> T:
        pending = call()
        return await settle(pending, _News(pending), **hooks)

    return Deferred.fromCoroutine(wait())


class _News:
    """A Deferred for each time that there is news."""

    def __init__(self, pending: Pending[Any]) -> None:
        self._came = False
        self._waiting: Deferred[None] | None = None
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


def _in_reactor(watch: Watch | None) -> Watch | None:
    return watch and _soon(watch)


def _soon(call: Callable[..., object]) -> Callable[..., None]:
    """Make it callable from any thread, and run in the reactor's."""
    from twisted.internet import reactor  # noqa: PLC0415 # the application may choose one until now

    def soon(*arguments: object) -> None:
        reactor.callFromThread(call, *arguments)

    return soon
