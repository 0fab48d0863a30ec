"""One blob each way, for programs of both kinds: `from wormhole.transcribe import …` is the same.

Without a running reactor the calls block:

    >>> from wormhole.transcribe import Initiator, Receiver
    >>> initiator = Initiator("appid", b"initiator's blob")
    >>> print("Invitation Code: %s" % initiator.start())
    Invitation Code: ...-...-...
    >>> receiver = Receiver("appid", initiator.code, b"receiver's blob")
    >>> from threading import Thread
    >>> Thread(target=receiver.finish).start()  # on the other computer
    >>> initiator.finish()
    b"receiver's blob"

In the thread of a running Twisted reactor, and within `task.react`, the same calls return Deferreds:

    d = initiator.start()
    d.addCallback(lambda code: print("Invitation Code: %s" % code))
    d.addCallback(lambda _: initiator.finish())

Which of them it is, is decided at each call. Programs that know what they are take `wormhole_sync`,
`wormhole_sync.twisted` or `wormhole_sync.aio`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ._calls import Initiating, Receiving

if TYPE_CHECKING:
    from types import FrameType, ModuleType

__all__ = ["Initiator", "Receiver"]


class Initiator(Initiating):
    """The side that shows the code.

    >>> initiator = Initiator("appid", b"initiator's blob")
    >>> print("Invitation Code: %s" % initiator.start())
    Invitation Code: ...-...-...
    >>> receiver = Receiver("appid", initiator.code, b"receiver's blob")
    >>> from threading import Thread
    >>> Thread(target=receiver.finish).start()  # on the other computer
    >>> initiator.finish()
    b"receiver's blob"
    >>> initiator.cancel()  # from any thread, while it waits
    """

    __slots__ = ()

    def start(self) -> Any:  # noqa: ANN401 # or a Deferred of it
        """Connect, and return the code."""
        return _face().Initiator.start(self)

    def finish(self) -> Any:  # noqa: ANN401 # or a Deferred of it
        """Wait for the other side, and return its blob."""
        return _face().Initiator.finish(self)


class Receiver(Receiving):
    """The side that types the code.

    >>> initiator = Initiator("appid", b"initiator's blob")
    >>> receiver = Receiver("appid", initiator.start(), b"receiver's blob")
    >>> from threading import Thread
    >>> Thread(target=initiator.finish).start()  # on the other computer
    >>> receiver.finish()
    b"initiator's blob"
    >>> receiver.cancel()  # from any thread, while it waits
    """

    __slots__ = ()

    def finish(self) -> Any:  # noqa: ANN401 # or a Deferred of it
        """Connect, wait for the other side, and return its blob."""
        return _face().Receiver.finish(self)


def _face() -> ModuleType:
    """Choose the face that suits whoever calls."""
    if _is_in_reactor():
        from . import twisted  # noqa: PLC0415 # not imported where nobody else has done so

        return twisted
    import wormhole_sync  # noqa: PLC0415

    return wormhole_sync


def _is_in_reactor() -> bool:
    reactor = sys.modules.get("twisted.internet.reactor")
    if reactor is None:
        return False
    if not getattr(reactor, "running", False):
        return _is_in_react()
    from twisted.python.threadable import isInIOThread  # noqa: PLC0415

    return bool(isInIOThread())  # type: ignore[no-untyped-call]


def _is_in_react() -> bool:
    """Whether `task.react` calls us, which runs the reactor only once it has got a Deferred from us."""
    from twisted.internet.task import react  # noqa: PLC0415

    frame: FrameType | None = sys._getframe()  # noqa: SLF001 # there is no other way to see it
    while frame is not None:
        if frame.f_code is react.__code__:
            return True
        frame = frame.f_back
    return False
