"""What can go wrong, by whose fault. Each text says what happened, and ends with what to do.

    WormholeError
    ├── CodeError               the code
    │   ├── WrongCodeError          the two sides have different codes, or somebody guessed
    │   ├── CrowdedError            two others use its number
    │   └── BadCodeError            the text is no code (a ValueError, too)
    ├── ServerError             the mailbox server refused, or lost the connection at the end
    │   └── UnreachableError        it cannot be reached (a ConnectionError, too)
    ├── PeerError               the other side misbehaved
    │   └── RejectedError           it said no, or that it failed
    ├── LinkError               the two computers cannot reach each other, or lost each other
    ├── TimedOutError           the time limit passed (a TimeoutError, too)
    ├── VerifierRefusedError    the verifier was refused at this end
    ├── StoppedError            it was cancelled at this end
    ├── FileError               something here cannot be read or written (an OSError, too)
    └── UsageError              an argument, or the order of calls (a ValueError, too)

None of them holds a code or a key.
"""

import os
from typing import Any, Optional

__all__ = [
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


class WormholeError(Exception):
    """Why something did not come about.

    >>> from wormhole_sync import Initiator, WormholeError
    >>> try:
    ...     Initiator("example.com/pairing", b"one", rendezvous="ws://127.0.0.1:1/v1").start()
    ... except WormholeError as error:
    ...     print(error.fault)
    network
    """

    fault: str
    """Who can do something about it: `code`, `peer`, `server`, `network` or `caller`."""

    def __init__(self, text: str, *, fault: str = "caller") -> None:
        super().__init__(text)
        self.fault = fault


class CodeError(WormholeError):
    """The code cannot be used.

    >>> from wormhole_sync import CodeError, receive
    >>> try:
    ...     receive("purple-sausages")
    ... except CodeError as error:
    ...     print(type(error).__name__)
    BadCodeError
    """


class WrongCodeError(CodeError):
    """The two sides have different codes; or somebody guessed. Start again with a new one.

    >>> from wormhole_sync import WrongCodeError, receive, send_text
    >>> sending = send_text("the wifi is hunter2")
    >>> try:
    ...     receive(sending.code + "x")  # a slip of the finger
    ... except WrongCodeError as error:
    ...     print(error.fault)
    code
    """


class CrowdedError(CodeError):
    """Two others use the code's number.

    >>> from wormhole_sync import CrowdedError
    >>> def advice(error):
    ...     return "choose another number" if isinstance(error, CrowdedError) else str(error)
    >>> advice(CrowdedError("two others use 7", fault="code"))
    'choose another number'
    """


class BadCodeError(CodeError, ValueError):
    """The text is no code: a number, a dash, and words.

    >>> from wormhole_sync import BadCodeError, Receiver
    >>> try:
    ...     Receiver("example.com/pairing", "purple-sausages", b"one")
    ... except BadCodeError:
    ...     print("type it once more")
    type it once more
    """


class ServerError(WormholeError):
    """The mailbox server refused, or lost the connection before it had confirmed the last messages.

    >>> import os
    >>> from wormhole_sync import Initiator, ServerError
    >>> wrong = os.environ["WORMHOLE_RELAY_URL"].replace("/v1", "")
    >>> try:
    ...     Initiator("example.com/pairing", b"one", rendezvous=wrong).start()
    ... except ServerError as error:
    ...     print(error)
    the mailbox server ... refused: HTTP 404 Not Found...; check the URL, whose path is /v1 as a rule
    """


class UnreachableError(ServerError, ConnectionError):
    """The mailbox server cannot be reached.

    >>> from wormhole_sync import Initiator, UnreachableError
    >>> try:
    ...     Initiator("example.com/pairing", b"one", rendezvous="ws://127.0.0.1:1/v1").start()
    ... except UnreachableError:
    ...     print("is this computer online?")
    is this computer online?
    """


class PeerError(WormholeError):
    """The other side misbehaved.

    >>> from threading import Thread
    >>> from wormhole_sync import PeerError, receive, send_text
    >>> sending = send_text("the wifi is hunter2")
    >>> Thread(target=lambda: receive(sending.code).reject()).start()
    >>> try:
    ...     sending.finish()
    ... except PeerError as error:
    ...     print(error.fault)
    peer
    """


class RejectedError(PeerError):
    """The other side said no, or that it failed.

    >>> from threading import Thread
    >>> from wormhole_sync import RejectedError, receive, send_text
    >>> sending = send_text("the wifi is hunter2")
    >>> Thread(target=lambda: receive(sending.code).reject("not for me")).start()
    >>> try:
    ...     sending.finish()
    ... except RejectedError as error:
    ...     print(error)
    the other side refused: not for me; ask its user
    """


class LinkError(WormholeError):
    """The two computers cannot reach each other for the bytes of a transfer, or the link broke.

    >>> import socket
    >>> from wormhole_sync import LinkError, send_file
    >>> other = socket.create_server(("127.0.0.1", 0))
    >>> try:
    ...     send_file("plan.pdf", listen="127.0.0.1:%d" % other.getsockname()[1])
    ... except LinkError as error:
    ...     print(error)
    the port for the transfer cannot be listened on ...; choose another port, or do not listen
    >>> other.close()
    """


class TimedOutError(WormholeError, TimeoutError):
    """The time limit passed.

    >>> from wormhole_sync import TimedOutError, receive
    >>> try:
    ...     receive("78-guitarist-revenge", time_limit=0.3)
    ... except TimedOutError:
    ...     print("nobody came")
    nobody came
    """


class VerifierRefusedError(WormholeError):
    """The verifier was refused at this end: somebody may sit between the two.

    >>> from threading import Thread
    >>> from wormhole_sync import Initiator, Receiver, VerifierRefusedError
    >>> initiator = Initiator("example.com/pairing", b"one")
    >>> receiver = Receiver("example.com/pairing", initiator.start(), b"two", verify=lambda verifier: False)
    >>> try:
    ...     receiver.finish()
    ... except VerifierRefusedError as error:
    ...     print("what do both screens show?")
    what do both screens show?
    """


class StoppedError(WormholeError):
    """It was cancelled at this end.

    >>> from threading import Timer
    >>> from wormhole_sync import Receiver, StoppedError
    >>> receiver = Receiver("example.com/pairing", "79-guitarist-revenge", b"two")
    >>> Timer(0.2, receiver.cancel).start()
    >>> try:
    ...     receiver.finish()
    ... except StoppedError:
    ...     print("cancelled")
    cancelled
    """


class FileError(WormholeError, OSError):
    """What was to be sent cannot be read, or what was received cannot be written.

    >>> from wormhole_sync import FileError, send_file
    >>> try:
    ...     send_file("missing.pdf")
    ... except FileError as error:
    ...     print(error.filename, error.strerror)
    missing.pdf No such file or directory
    """

    errno: Optional[int]
    """The system's number for it, also `errno.EEXIST` where something stands; `None` where it has none."""
    filename: Optional[str]
    """What cannot be read or written; `None` where it is no file of a name."""
    strerror: Optional[str]
    """The system's words for `errno`."""

    def __init__(
        self, text: str, *, fault: str = "caller", errno: Optional[int] = None, filename: Optional[str] = None
    ) -> None:
        super().__init__(text, fault=fault)
        self.errno = errno
        self.filename = filename
        self.strerror = None if errno is None else os.strerror(errno)

    def __str__(self) -> str:
        """Give the text, where an `OSError` would give its parts."""
        return str(self.args[0])

    def __reduce__(self) -> tuple[Any, ...]:
        """Be pickled with everything."""
        state = {name: getattr(self, name) for name in ("fault", "errno", "filename", "strerror")}
        return type(self), self.args, state


class UsageError(WormholeError, ValueError):
    """An argument is not valid, or the call is not possible now.

    >>> from wormhole_sync import Initiator, UsageError
    >>> try:
    ...     Initiator("example.com/pairing", b"one").finish()
    ... except UsageError as error:
    ...     print(error)
    there is no code yet; call start() first
    """
