"""One side of an exchange of blobs, as a program: `peer.py FACE`, with the options of `interop/blob_peer.py`.

It reads its blob from standard input, and writes the other side's to standard output.
"""

import argparse
import sys


def show(code):
    print(f"Wormhole code is: {code}", file=sys.stderr, flush=True)


def blocking(appid, blob, code, **options):
    from wormhole_sync import Initiator, Receiver

    if code:
        return Receiver(appid, code, blob, **options).finish()
    initiator = Initiator(appid, blob, **options)
    show(initiator.start())
    return initiator.finish()


def aio(appid, blob, code, **options):
    import asyncio

    from wormhole_sync.aio import Initiator, Receiver

    async def exchange():
        if code:
            return await Receiver(appid, code, blob, **options).finish()
        initiator = Initiator(appid, blob, **options)
        show(await initiator.start())
        return await initiator.finish()

    return asyncio.run(exchange())


def twisted(appid, blob, code, **options):
    from twisted.internet import task

    from wormhole_sync.twisted import Initiator, Receiver

    theirs = []

    def exchange(_reactor):
        if code:
            return Receiver(appid, code, blob, **options).finish().addCallback(theirs.append)
        initiator = Initiator(appid, blob, **options)
        d = initiator.start().addCallback(show)
        return d.addCallback(lambda _: initiator.finish()).addCallback(theirs.append)

    try:
        task.react(exchange)
    except SystemExit as end:
        if end.code:
            raise
    return theirs[0]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("face", choices=["blocking", "aio", "twisted"])
    parser.add_argument("--relay-url", required=True)
    parser.add_argument("--appid", required=True)
    parser.add_argument("--code")
    given = parser.parse_args()
    exchange = globals()[given.face]
    blob = sys.stdin.buffer.read()
    sys.stdout.buffer.write(exchange(given.appid, blob, given.code, rendezvous=given.relay_url))
