import asyncio
import sys

from wormhole_sync.aio import Receiver


async def main():
    receiver = Receiver("appid", sys.argv[1], b"receiver's blob")
    print("Their blob:", (await receiver.finish()).decode("ascii"))


asyncio.run(main())
