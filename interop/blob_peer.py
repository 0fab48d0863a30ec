#!/usr/bin/env python3
"""The blob exchange from the other side: a small program on the `wormhole` library of the Python peer.

It reads its blob from standard input, gives it to the peer as one message, and writes the peer's to standard output.
With --code it joins (or chooses) that code; without, it is given one and shows it on standard error.
"""

import argparse
import sys

import wormhole
from twisted.internet import defer, task
from wormhole.errors import WormholeError


@defer.inlineCallbacks
def exchange(reactor, arguments, blob):
    w = wormhole.create(arguments.appid, arguments.relay_url, reactor)
    if arguments.code:
        w.set_code(arguments.code)
    else:
        w.allocate_code(arguments.code_length)
        code = yield w.get_code()
        print(f"Wormhole code is: {code}", file=sys.stderr, flush=True)
    w.send_message(blob)
    received = yield w.get_message()
    yield w.close()
    sys.stdout.buffer.write(received)
    sys.stdout.buffer.flush()


@defer.inlineCallbacks
def main(reactor, arguments):
    try:
        yield exchange(reactor, arguments, sys.stdin.buffer.read())
    except WormholeError as error:
        print(f"ERROR: {type(error).__name__}: {error}", file=sys.stderr)
        raise SystemExit(1) from None


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--relay-url", required=True)
    parser.add_argument("--appid", required=True)
    parser.add_argument("--code")
    parser.add_argument("--code-length", type=int, default=2)
    task.react(main, [parser.parse_args()])
