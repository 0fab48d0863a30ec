import sys

from wormhole.transcribe import Receiver

blob = b"receiver's blob"
code = sys.argv[1]
r = Receiver("appid", code, blob)
theirblob = r.finish()
print("Their blob: %s" % theirblob.decode("ascii"))
