from wormhole.transcribe import Initiator

blob = b"initiator's blob"
i = Initiator("appid", blob)
print("Invitation Code: %s" % i.start())
theirblob = i.finish()
print("Their blob: %s" % theirblob.decode("ascii"))
