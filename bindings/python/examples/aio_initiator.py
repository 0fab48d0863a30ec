import asyncio

from wormhole_sync.aio import Initiator


async def main():
    initiator = Initiator("appid", b"initiator's blob")
    print("Invitation Code:", await initiator.start())
    print("Their blob:", (await initiator.finish()).decode("ascii"))


asyncio.run(main())
