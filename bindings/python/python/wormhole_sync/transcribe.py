"""One blob each way, for programs of both kinds: `from wormhole.transcribe import …` is the same.

Without a running reactor the calls block:

    initiator = Initiator("appid", b"initiator's blob")
    print("Invitation Code: %s" % initiator.start())
    theirblob = initiator.finish()

In the thread of a running Twisted reactor the same calls return Deferreds:

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
    from types import ModuleType

__all__ = ["Initiator", "Receiver"]


class Initiator(Initiating):
    """The side that shows the code."""

    __slots__ = ()

    def start(self) -> Any:  # noqa: ANN401 # or a Deferred of it
        """Connect, and return the code."""
        return _face().Initiator.start(self)

    def finish(self) -> Any:  # noqa: ANN401 # or a Deferred of it
        """Wait for the other side, and return its blob."""
        return _face().Initiator.finish(self)


class Receiver(Receiving):
    """The side that types the code."""

    __slots__ = ()

    def finish(self) -> Any:  # noqa: ANN401 # or a Deferred of it
        """Connect, wait for the other side, and return its blob."""
        return _face().Receiver.finish(self)


def _face() -> ModuleType:
    """Choose the face that suits whoever calls. Twisted is not imported where nobody else has done so."""
    reactor = sys.modules.get("twisted.internet.reactor")
    if reactor is not None and getattr(reactor, "running", False):
        from twisted.python.threadable import isInIOThread  # noqa: PLC0415

        if isInIOThread():
            from . import twisted  # noqa: PLC0415

            return twisted
    import wormhole_sync  # noqa: PLC0415

    return wormhole_sync
