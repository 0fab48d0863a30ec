"""The same as `wormhole_sync`, with `await`.

    import asyncio
    from wormhole_sync.aio import Initiator

    async def main():
        initiator = Initiator("example.com/pairing", b"initiator's blob")
        print("Invitation code:", await initiator.start())
        print("Their blob:", await initiator.finish())

    asyncio.run(main())

Cancelling whatever awaits one of these ends what was asked for: an exchange lets go of the server in the
background, a transfer tells the other side, and `Wormhole.receive` loses no message. `verify` and `progress`
may be asynchronous, and everything is called in the event loop.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from ._calls import Initiating, Offered, Receiving, Sent, Talking, bytes_of, existing
from ._calls import receiving as _receiving
from ._calls import sending as _sending
from ._settle import settle
from .errors import *  # noqa: F403
from .errors import __all__ as _errors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self, Unpack

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

    async def start(self) -> str:
        """Connect, and return the code."""
        return self._show(await _wait(self._native.start(_in_loop(self._watch))))

    async def finish(self) -> bytes:
        """Wait for the other side, and return its blob.

        When this returns, the own blob is at the server for the other side to fetch.
        """
        return await _wait(self._native.finish(self._asks), verify=self._verify)


class Receiver(Receiving):
    """The side that types the code."""

    __slots__ = ()

    async def finish(self) -> bytes:
        """Connect, wait for the other side, and return its blob."""
        pending = self._native.exchange(_in_loop(self._watch), self._asks)
        return await _wait(pending, verify=self._verify)


class Wormhole(Talking):
    """The general form: any number of messages each way, in order."""

    __slots__ = ()

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
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

    async def send(self, message: bytes | bytearray | memoryview) -> None:
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
    """Something that is being sent. It goes on by itself; `finish` says how it ended."""

    __slots__ = ()

    async def finish(self) -> None:
        """Wait until the other side has all of it, and says so. `progress` is called meanwhile."""
        await _wait(self._native.finish(), verify=self._verify, progress=self._progress)


class Offer(Offered):
    """What the other side offers. Of a file or directory nothing has come yet."""

    __slots__ = ()

    async def accept(
        self,
        into: AnyPath = ".",
        *,
        overwrite: bool = False,
        rename: bool = False,
        progress: Progress | None = None,
    ) -> Path | None:
        """Take it, and return where it stands then; `None` for a text.

        The arguments are those of `wormhole_sync.Offer.accept`.
        """
        pending = self._native.accept(into, existing(overwrite=overwrite, rename=rename))
        return await _wait(pending, progress=progress)

    async def reject(self, reason: str = "transfer rejected") -> None:
        """Refuse it, and tell the other side why."""
        await _wait(self._native.reject(reason))


async def send_file(  # noqa: PLR0913 # it is the sum of what can be chosen
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
) -> Sending:
    """Offer a file or a directory to any tool of the family, and return once there is a code.

    The arguments are those of `wormhole_sync.send_file`.
    """
    watch = _in_loop(options.pop("on_status", None))
    more = {"name": name, "ignore_unsendable": ignore_unsendable, "code": code, "words": words}
    native, pending = _sending(None, paths, appid, watch, verify, {**options, **more})
    return Sending(native, await _wait(pending), verify, progress)


async def send_text(  # it is the sum of what can be chosen
    text: str,
    *,
    code: str | None = None,
    words: int | None = None,
    verify: Verify | None = None,
    appid: str | bytes | None = None,
    **options: Unpack[Options],
) -> Sending:
    """Offer a text to any tool of the family, and return once there is a code.

    The arguments are those of `wormhole_sync.send_text`.
    """
    watch = _in_loop(options.pop("on_status", None))
    more = {"code": code, "words": words}
    native, pending = _sending(text, (), appid, watch, verify, {**options, **more})
    return Sending(native, await _wait(pending), verify, None)


async def receive(
    code: str,
    *,
    verify: Verify | None = None,
    appid: str | bytes | None = None,
    **options: Unpack[Routes],
) -> Offer:
    """Wait for what a sender offers under this code, and return the offer.

    The arguments are those of `wormhole_sync.receive`.
    """
    watch = _in_loop(options.pop("on_status", None))
    return Offer(await _wait(_receiving(code, appid, watch, verify, options), verify=verify))


async def _wait(pending: Pending[T], **hooks: Any) -> T:  # noqa: ANN401
    """Wait for it in this event loop."""
    came = asyncio.Event()
    pending.on_news(_soon(asyncio.get_running_loop(), came.set))

    async def news() -> None:
        await came.wait()
        came.clear()

    return await settle(pending, news, **hooks)


def _in_loop(watch: Watch | None) -> Watch | None:
    return watch and _soon(asyncio.get_running_loop(), watch)


def _soon(loop: asyncio.AbstractEventLoop, call: Callable[..., object]) -> Callable[..., None]:
    """Make it callable from any thread, and run in the loop, as long as that is there."""

    def soon(*arguments: object) -> None:
        try:
            loop.call_soon_threadsafe(call, *arguments)
        except RuntimeError:  # the loop is closed, and nobody waits in it any more
            if not loop.is_closed():
                raise

    return soon
