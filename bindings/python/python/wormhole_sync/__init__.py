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
    >>> from threading import Thread
    >>> Thread(target=initiator.finish).start()           # which goes on where the code was shown
    >>> receiver.finish()
    b"initiator's blob"

This module blocks: each call waits on its thread, with the interpreter's lock released, and Ctrl-C
interrupts it. Any thread may call any method of these objects at any time. `wormhole_sync.aio` is the same
with `await`, `wormhole_sync.twisted` with Deferreds; their objects belong to their loop, but for `cancel` and
`abort`.

Whatever is dropped, cancelled or interrupted lets go of the server in the background; at its end the
interpreter waits for that, for a few seconds at the most.
"""

from pathlib import Path
from types import TracebackType
from typing import Optional

from . import errors
from ._calls import Initiating, Offered, Receiving, Sent, Talking, bytes_of, check_called, existing
from ._calls import receiving as _receiving
from ._calls import sending as _sending
from ._canceller import Canceller, block_unless, check_canceller, returned
from ._native import DEFAULT_RENDEZVOUS, MAX_BLOB, TRANSFER_APP_ID
from ._native import VERSION as __version__  # noqa: N811 # a name of Python's
from ._options import Options, Routes, with_arguments_of
from ._settle import block
from ._typing import AppId, Blob, Paths, Progress, Self, Unpack, Verify
from ._typing import Path as AnyPath
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

__all__ = [  # noqa: RUF022 # what is used most, first
    "Initiator",
    "Receiver",
    "Wormhole",
    "send_file",
    "send_text",
    "receive",
    "Sending",
    "Offer",
    "Canceller",
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
    >>> print("Invitation code:", initiator.start())
    Invitation code: ...-...-...
    >>> print("Once more:", initiator.code)
    Once more: ...-...-...
    >>> initiator.cancel()  # from any thread; or initiator.finish()
    """

    __slots__ = ()
    _awaits = False

    def start(self) -> str:
        """Connect, and return the code."""
        return self._show(block(self._native.start(self._watch)))

    def finish(self) -> bytes:
        """Wait for the other side, and return its blob.

        When this returns, the own blob is at the server for the other side to fetch.

        >>> initiator = Initiator("example.com/pairing", b"one")
        >>> receiver = Receiver("example.com/pairing", initiator.start(), b"two")
        >>> from threading import Thread
        >>> Thread(target=receiver.finish).start()  # on the other computer
        >>> initiator.finish()
        b'two'
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
    >>> receiver.cancel()  # from any thread, while it waits
    """

    __slots__ = ()
    _awaits = False

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

    Without `with`, and with all there is to know:

    >>> one = Wormhole("example.com/versions", app_versions={"chat": 1})
    >>> one.connect()
    >>> one.nameplates(), one.welcome
    ([], 'back at noon')
    >>> other = Wormhole("example.com/versions")
    >>> other.connect()
    >>> other.set_code(one.allocate())
    >>> one.code == other.code
    True
    >>> one.confirm() == other.confirm() == one.verifier
    True
    >>> other.peer_versions
    {'chat': 1}
    >>> one.derive_key("example.com/chat/history") == other.derive_key("example.com/chat/history")
    True
    >>> one.close()
    >>> other.abort()  # because something is wrong
    """

    __slots__ = ()

    def __enter__(self) -> Self:
        self.connect()
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
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

    def send(self, message: Blob) -> None:
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
    """Something that is being sent. It goes on by itself; `finish` says how it ended.

    >>> sending = send_text("the wifi is hunter2")
    >>> print("On the other computer: wormhole receive", sending.code)
    On the other computer: wormhole receive ...-...-...
    >>> sending.left_out
    []
    >>> from threading import Thread
    >>> Thread(target=lambda: receive(sending.code).accept()).start()
    >>> sending.finish()
    >>> sending.cancel("not today")  # from any thread, while it goes on
    """

    __slots__ = ()

    def finish(self) -> None:
        """Wait until the other side has all of it, and says so. `progress` is called meanwhile."""
        block(self._native.finish(), verify=self._verify, progress=self._progress)


class Offer(Offered):
    """What the other side offers. Of a file or directory nothing has come yet.

    >>> from threading import Thread
    >>> sending = send_file("plan.pdf", listen="127.0.0.1:0")
    >>> Thread(target=sending.finish).start()
    >>> offer = receive(sending.code, listen="127.0.0.1:0")
    >>> offer.kind, offer.name, offer.size, offer.files, offer.text, offer.warning
    ('file', 'plan.pdf', 12, None, None, None)
    >>> print(offer.accept(into="received/", rename=True))
    received/plan...pdf
    >>> offer.cancel()  # from any thread, while it goes on
    """

    __slots__ = ()

    def accept(
        self,
        into: AnyPath = ".",
        *,
        overwrite: bool = False,
        rename: bool = False,
        progress: Optional[Progress] = None,
    ) -> Optional[Path]:
        """Take it, and return where it stands then; `None` for a text.

        Nothing stands under its final name before all of it has come, been verified, and is on the disk.

        >>> from threading import Thread
        >>> sending = send_text("the wifi is hunter2")
        >>> Thread(target=sending.finish).start()
        >>> offer = receive(sending.code)
        >>> offer.accept()
        >>> offer.text
        'the wifi is hunter2'

        into: str or os.PathLike
            An existing directory, for the sender's name in there; or else the new name. Default: the
            current directory.
        overwrite, rename: bool
            What becomes of what stands there already: it is replaced, or a number is appended to the new
            one's name. Default: it is an error, after which this can be called again.
        progress: a function of two int
            Called with the bytes that have come, and that there are. If it raises an exception, the
            transfer ends with that. Default: nobody is told.
        """
        check_called(awaits=False, progress=progress)
        pending = self._native.accept(into, existing(overwrite=overwrite, rename=rename))
        stands: Optional[Path] = block(pending, progress=progress)
        return stands

    def reject(self, reason: str = "transfer rejected") -> None:
        """Refuse it, and tell the other side why.

        >>> from threading import Thread
        >>> sending = send_text("the wifi is hunter2")
        >>> Thread(target=lambda: receive(sending.code).reject("not for me")).start()
        >>> try:
        ...     sending.finish()
        ... except RejectedError as error:
        ...     print(error)
        the other side refused: not for me; ask its user
        """
        block(self._native.reject(reason))


@with_arguments_of(Canceller, Options, Routes)
def send_file(  # noqa: PLR0913 # it is the sum of what can be chosen
    paths: Paths,
    *,
    name: Optional[str] = None,
    ignore_unsendable: bool = False,
    code: Optional[str] = None,
    words: Optional[int] = None,
    verify: Optional[Verify] = None,
    progress: Optional[Progress] = None,
    canceller: Optional[Canceller] = None,
    appid: Optional[AppId] = None,
    **options: Unpack[Routes],
) -> Sending:
    """Offer a file or a directory to any tool of the family, and return once there is a code.

    >>> from pathlib import Path
    >>> sending = send_file(Path("plan.pdf"))
    >>> print("On the other computer: wormhole receive", sending.code)
    On the other computer: wormhole receive ...
    >>> sending.cancel()  # or sending.finish()

    paths: str or os.PathLike, or several
        A file, a directory, or several of either, which arrive as one directory.
    name: str
        The name that it arrives under. Default: the path's own.
    ignore_unsendable: bool
        Whether what cannot be read is left out. Default: it is an error.
    code: str
        A code of one's own choosing: a number, a dash, and anything without spaces. Default: one that
        nobody else has.
    words: int
        Words of the code, 1 to 32, unless it is of one's own choosing. Default: 2.
    verify: a function of a str
        Called, while `finish` waits, with the verifier, 64 hex digits, before anything is sent, which it is
        only if the answer is true. Default: it is not compared.
    progress: a function of two int
        Called, while `finish` waits, with the bytes that have gone, and that there are. If it raises an
        exception, the transfer ends with that. Default: nobody is told.
    appid: str, or bytes in UTF-8
        The application's id, the same on both sides. Default: that of the family's tools.
    """
    watch = options.pop("on_status", None)
    check_canceller(canceller)
    check_called(awaits=False, on_status=watch, verify=verify, progress=progress)
    more = {"name": name, "ignore_unsendable": ignore_unsendable, "code": code, "words": words}
    native, pending = _sending(None, paths, appid, watch, verify, {**options, **more})
    return returned(canceller, Sending(native, block_unless(canceller, pending), verify, progress))


@with_arguments_of(Canceller, Options)
def send_text(  # noqa: PLR0913 # it is the sum of what can be chosen
    text: str,
    *,
    code: Optional[str] = None,
    words: Optional[int] = None,
    verify: Optional[Verify] = None,
    canceller: Optional[Canceller] = None,
    appid: Optional[AppId] = None,
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

    text: str
        What is sent, of somewhat less than `MAX_BLOB` bytes.
    code: str
        A code of one's own choosing: a number, a dash, and anything without spaces. Default: one that
        nobody else has.
    words: int
        Words of the code, 1 to 32, unless it is of one's own choosing. Default: 2.
    verify: a function of a str
        Called, while `finish` waits, with the verifier, 64 hex digits, before the text is sent, which it is
        only if the answer is true. Default: it is not compared.
    appid: str, or bytes in UTF-8
        The application's id, the same on both sides. Default: that of the family's tools.
    """
    watch = options.pop("on_status", None)
    check_canceller(canceller)
    check_called(awaits=False, on_status=watch, verify=verify)
    more = {"code": code, "words": words}
    native, pending = _sending(text, (), appid, watch, verify, {**options, **more})
    return returned(canceller, Sending(native, block_unless(canceller, pending), verify, None))


@with_arguments_of(Canceller, Options, Routes)
def receive(
    code: str,
    *,
    verify: Optional[Verify] = None,
    canceller: Optional[Canceller] = None,
    appid: Optional[AppId] = None,
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
    >>> print(offer.accept(into="received/it.pdf"))
    received/it.pdf

    code: str
        As the sender shows it. Blanks around it do no harm.
    verify: a function of a str
        Called with the verifier, 64 hex digits, before anything is told to the sender; goes on only if the
        answer is true. Default: it is not compared.
    appid: str, or bytes in UTF-8
        The application's id, the same on both sides. Default: that of the family's tools.
    """
    watch = options.pop("on_status", None)
    check_canceller(canceller)
    check_called(awaits=False, on_status=watch, verify=verify)
    pending = _receiving(code, appid, watch, verify, options)
    return returned(canceller, Offer(block_unless(canceller, pending, verify=verify)))
