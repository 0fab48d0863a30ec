from twisted.internet import task

from wormhole.transcribe import Initiator

blob = b"initiator's blob"


def main(reactor):
    i = Initiator("appid", blob)
    d = i.start()
    d.addCallback(lambda code: print("Invitation Code: %s" % code))
    d.addCallback(lambda _: i.finish())
    d.addCallback(lambda theirblob: print("Their blob: %s" % theirblob.decode("ascii")))
    return d


task.react(main)
