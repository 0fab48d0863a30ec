"""What programs get from the annotations. mypy reads this; nothing runs it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from typing_extensions import assert_type

import wormhole_sync
from wormhole_sync import aio
from wormhole_sync import twisted as tx


def blocking() -> None:
    initiator = wormhole_sync.Initiator(
        "example.com/pairing", b"one", words=3, rendezvous="ws://127.0.0.1:4000/v1"
    )
    assert_type(initiator.start(), str)
    assert_type(initiator.finish(), bytes)
    assert_type(wormhole_sync.Receiver(b"example.com/pairing", "4-x-y", bytearray(b"two")).finish(), bytes)
    with wormhole_sync.Wormhole("example.com/chat", app_versions={"a": 1}) as wormhole:
        assert_type(wormhole, wormhole_sync.Wormhole)
        assert_type(wormhole.allocate(), str)
        assert_type(wormhole.receive(), bytes)
        assert_type(wormhole.peer_versions, dict[str, Any] | None)
    sending = wormhole_sync.send_file([Path("plan.pdf"), "album"], relay=["tcp:127.0.0.1:4001"], listen=False)
    assert_type(sending.code, str)
    offer = wormhole_sync.receive(sending.code, on_status=print)
    assert_type(offer.accept(Path(), progress=lambda moved, total: print(moved / total)), Path | None)
    wormhole_sync.Initiator("x", b"", colour="blue")  # type: ignore[call-arg]
    wormhole_sync.Initiator("x", "text")  # type: ignore[arg-type]


async def asynchronous() -> None:
    async def verify(verifier: str) -> bool:
        return verifier == "00"

    initiator = aio.Initiator("example.com/pairing", b"one", verify=verify)
    assert_type(await initiator.start(), str)
    assert_type(await initiator.finish(), bytes)
    async with aio.Wormhole("example.com/chat") as wormhole:
        assert_type(await wormhole.receive(), bytes)
    offer = await aio.receive("4-x-y", time_limit=60)
    assert_type(await offer.accept(), Path | None)


def deferred() -> None:
    initiator = tx.Initiator("example.com/pairing", b"one")
    assert_type(initiator.start(), Deferred[str])
    assert_type(tx.receive("4-x-y"), Deferred[tx.Offer])
