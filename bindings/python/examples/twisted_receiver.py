import sys

from twisted.internet import task

from wormhole.transcribe import Receiver

blob = b"receiver's blob"
code = sys.argv[1]


def main(reactor):
    r = Receiver("appid", code, blob)
    d = r.finish()
    d.addCallback(lambda theirblob: print("Their blob: %s" % theirblob.decode("ascii")))
    return d


task.react(main)
