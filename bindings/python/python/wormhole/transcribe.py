"""One blob each way, under the name in which it was first described: see `wormhole_sync.transcribe`.

This file is alone in its folder on purpose. It belongs to wormhole-sync, and stands beside an installed
magic-wormhole, whose package `wormhole` stays whole.
"""

from wormhole_sync.transcribe import Initiator, Receiver

__all__ = ["Initiator", "Receiver"]
