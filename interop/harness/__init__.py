"""What the cross-tests stand on: bounded processes, both mailbox servers, both clients, and a recorder of the wire.

Nothing here needs more than the standard library.
"""
