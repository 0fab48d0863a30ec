"""Two computers, one short code, a secret each way.

Two machines on the internet, neither with a public address, exchange a small secret each, encrypted and
authenticated. One side asks a mailbox server for a channel number and shows an invitation code, the
number and a few words; a person carries it to the other side. A password-authenticated key exchange turns
the words into a strong key, with a single guess for an attacker; the server relays, and can read nothing.

    >>> from wormhole_sync import Initiator, Receiver
    >>> initiator = Initiator("example.com/pairing", b"initiator's blob")
    >>> code = initiator.start()                          # such as 4-guitarist-revenge

and on the other computer, with the code that a person typed there:

    >>> receiver = Receiver("example.com/pairing", code, b"receiver's blob")
    >>> # theirs = receiver.finish()

This module blocks: each call waits on its thread, with the interpreter's lock released, and Ctrl-C
interrupts it. Any thread may call any method of these objects at any time. `wormhole_sync.aio` is the same
with `await`, `wormhole_sync.twisted` with Deferreds; their objects belong to their loop, but for `cancel` and
`abort`.

Whatever is dropped, cancelled or interrupted lets go of the server in the background; at its end the
interpreter waits for that, for a few seconds at the most.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import errors
from ._calls import Initiating, Offered, Receiving, Sent, Talking, bytes_of, existing
from ._calls import receiving as _receiving
from ._calls import sending as _sending
from ._native import DEFAULT_RENDEZVOUS, MAX_BLOB, TRANSFER_APP_ID
from ._native import VERSION as __version__  # noqa: N811 # a name of Python's
from ._options import Options, Routes
from ._settle import block
from .errors import (
    BadCodeError,
    CodeError,
    CrowdedError,
    FileError,
    LinkError,
    PeerError,
    RejectedError,
    ServerError,
    StoppedError,
    TimedOutError,
    UnreachableError,
    UsageError,
    VerifierRefusedError,
    WormholeError,
    WrongCodeError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self, Unpack

    from ._calls import Progress, Verify
    from ._options import Path as AnyPath

__all__ = [  # noqa: RUF022 # what is used most, first
    "Initiator",
    "Receiver",
    "Wormhole",
    "send_file",
    "send_text",
    "receive",
    "Sending",
    "Offer",
    "Options",
    "Routes",
    "DEFAULT_RENDEZVOUS",
    "MAX_BLOB",
    "TRANSFER_APP_ID",
    "__version__",
    "errors",
    "BadCodeError",
    "CodeError",
    "CrowdedError",
    "FileError",
    "LinkError",
    "PeerError",
    "RejectedError",
    "ServerError",
    "StoppedError",
    "TimedOutError",
    "UnreachableError",
    "UsageError",
    "VerifierRefusedError",
    "WormholeError",
    "WrongCodeError",
]


class Initiator(Initiating):
    """The side that shows the code.

    >>> initiator = Initiator("example.com/pairing", b"my public key")
    >>> print("Invitation code:", initiator.start())  # doctest: +ELLIPSIS
    Invitation code: ...-...-...
    """

    __slots__ = ()

    def start(self) -> str:
        """Connect, and return the code."""
        return self._show(block(self._native.start(self._watch)))

    def finish(self) -> bytes:
        """Wait for the other side, and return its blob.

        When this returns, the own blob is at the server for the other side to fetch.
        """
        return block(self._native.finish(self._asks), verify=self._verify)


class Receiver(Receiving):
    """The side that types the code.

    >>> initiator = Initiator("example.com/pairing", b"one")
    >>> receiver = Receiver("example.com/pairing", initiator.start(), b"two")
    >>> from threading import Thread
    >>> Thread(target=initiator.finish).start()
    >>> receiver.finish()
    b'one'
    """

    __slots__ = ()

    def finish(self) -> bytes:
        """Connect, wait for the other side, and return its blob."""
        return block(self._native.exchange(self._watch, self._asks), verify=self._verify)


class Wormhole(Talking):
    """The general form: any number of messages each way, in order.

    >>> with Wormhole("example.com/chat") as one, Wormhole("example.com/chat") as other:
    ...     other.set_code(one.allocate())
    ...     one.send(b"hello")
    ...     print(other.receive())
    b'hello'
    """

    __slots__ = ()

    def __enter__(self) -> Self:
        self.connect()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
        else:
            self.abort()

    def connect(self) -> None:
        """Connect to the server. A connection that is lost later is resumed without a word."""
        block(self._native.connect(self._watch))

    def nameplates(self) -> list[str]:
        """Return the numbers in use, for completing a code. Many servers do not tell them."""
        return block(self._native.nameplates())

    def allocate(self) -> str:
        """Return a code that nobody else has."""
        return block(self._native.allocate())

    def set_code(self, code: str) -> None:
        """Use a code that is known. Its one guess is spent as soon as the other side is there."""
        block(self._native.set_code(code))

    def confirm(self) -> str:
        """Wait for the other side, until it has shown that it knows the code. Return the verifier.

        `send`, `receive` and `derive_key` wait for that by themselves.
        """
        return block(self._native.confirm())

    def send(self, message: bytes | bytearray | memoryview) -> None:
        """Send a message of at most `MAX_BLOB` bytes. It is stored at the server when `close` returns."""
        block(self._native.send(bytes_of("message", message)))

    def receive(self) -> bytes:
        """Return the other side's next message. A wait that is interrupted loses none."""
        return block(self._native.receive())

    def derive_key(self, purpose: str, length: int = 32) -> bytes:
        """Return a key of 1 to 8160 bytes that both sides can derive for a purpose, and nobody else."""
        return block(self._native.derive_key(purpose, length))

    def close(self) -> None:
        """Wait until everything sent is stored at the server, let everything go, and disconnect."""
        block(self._native.close())


class Sending(Sent):
    """Something that is being sent. It goes on by itself; `finish` says how it ended."""

    __slots__ = ()

    def finish(self) -> None:
        """Wait until the other side has all of it, and says so. `progress` is called meanwhile."""
        block(self._native.finish(), verify=self._verify, progress=self._progress)


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
    ) -> Path | None:
        """Take it, and return where it stands then; `None` for a text.

        into
            An existing directory, for the sender's name in there; or else the new name.
        overwrite, rename
            What becomes of what stands there already: it is replaced, or a number is appended to the new
            one's name. Otherwise that is an error, after which this can be called again.
        progress
            Called with the bytes that have come, and that there are. If it raises an exception, the
            transfer ends.

        Nothing stands under its final name before all of it has come, been verified, and is on the disk.
        """
        pending = self._native.accept(into, existing(overwrite=overwrite, rename=rename))
        stands: Path | None = block(pending, progress=progress)
        return stands

    def reject(self, reason: str = "transfer rejected") -> None:
        """Refuse it, and tell the other side why."""
        block(self._native.reject(reason))


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
) -> Sending:
    """Offer a file or a directory to any tool of the family, and return once there is a code.

    >>> from pathlib import Path
    >>> sending = send_file(Path("plan.pdf"))
    >>> print("On the other computer: wormhole receive", sending.code)  # doctest: +ELLIPSIS
    On the other computer: wormhole receive ...
    >>> sending.cancel()  # or sending.finish()

    paths
        A file, a directory, or several of either, which arrive as one directory.
    name
        The name that it arrives under. Default: the path's own.
    ignore_unsendable
        Whether what cannot be read is left out. Default: it is an error.
    code, words, verify
        As for an `Initiator`.
    progress
        Called, while `finish` waits, with the bytes that have gone, and that there are. If it raises an
        exception, the transfer ends.
    appid
        Default: that of the family's tools.

    Further keyword arguments are those of `Routes`.
    """
    watch = options.pop("on_status", None)
    more = {"name": name, "ignore_unsendable": ignore_unsendable, "code": code, "words": words}
    native, pending = _sending(None, paths, appid, watch, verify, {**options, **more})
    return Sending(native, block(pending), verify, progress)


def send_text(  # it is the sum of what can be chosen
    text: str,
    *,
    code: str | None = None,
    words: int | None = None,
    verify: Verify | None = None,
    appid: str | bytes | None = None,
    **options: Unpack[Options],
) -> Sending:
    """Offer a text to any tool of the family, and return once there is a code.

    >>> sending = send_text("the wifi is hunter2")
    >>> from threading import Thread
    >>> Thread(target=sending.finish).start()
    >>> offer = receive(sending.code)
    >>> offer.accept()
    >>> offer.text
    'the wifi is hunter2'

    The keyword arguments are those of `send_file`, and of `Options`.
    """
    watch = options.pop("on_status", None)
    more = {"code": code, "words": words}
    native, pending = _sending(text, (), appid, watch, verify, {**options, **more})
    return Sending(native, block(pending), verify, None)


def receive(
    code: str,
    *,
    verify: Verify | None = None,
    appid: str | bytes | None = None,
    **options: Unpack[Routes],
) -> Offer:
    """Wait for what a sender offers under this code, and return the offer.

    >>> from pathlib import Path
    >>> from threading import Thread
    >>> sending = send_file("plan.pdf", listen="127.0.0.1:0")
    >>> Thread(target=sending.finish).start()
    >>> offer = receive(sending.code, listen="127.0.0.1:0")
    >>> offer.kind, offer.name, offer.size
    ('file', 'plan.pdf', 12)
    >>> print(offer.accept(into="received"))
    received/plan.pdf

    The keyword arguments are those of `send_file`, and of `Routes`.
    """
    watch = options.pop("on_status", None)
    return Offer(block(_receiving(code, appid, watch, verify, options), verify=verify))
