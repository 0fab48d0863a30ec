from wormhole_sync.transcribe import Initiator as Initiator
from wormhole_sync.transcribe import Receiver as Receiver
