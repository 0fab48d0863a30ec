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

from __future__ import annotations

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
    """The code cannot be used."""


class WrongCodeError(CodeError):
    """The two sides have different codes; or somebody guessed. Start again with a new one."""


class CrowdedError(CodeError):
    """Two others use the code's number."""


class BadCodeError(CodeError, ValueError):
    """The text is no code: a number, a dash, and words."""


class ServerError(WormholeError):
    """The mailbox server refused, or lost the connection before it had confirmed the last messages."""


class UnreachableError(ServerError, ConnectionError):
    """The mailbox server cannot be reached."""


class PeerError(WormholeError):
    """The other side misbehaved."""


class RejectedError(PeerError):
    """The other side said no, or that it failed."""


class LinkError(WormholeError):
    """The two computers cannot reach each other for the bytes of a transfer, or the link broke."""


class TimedOutError(WormholeError, TimeoutError):
    """The time limit passed."""


class VerifierRefusedError(WormholeError):
    """The verifier was refused at this end: somebody may sit between the two."""


class StoppedError(WormholeError):
    """It was cancelled at this end."""


class FileError(WormholeError, OSError):
    """What was to be sent cannot be read, or what was received cannot be written."""


class UsageError(WormholeError, ValueError):
    """An argument is not valid, or the call is not possible now."""
