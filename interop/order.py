"""The order that the protocol wants on the wire."""

from __future__ import annotations

from harness.recorder import Recorder

ORDER = ["> claim", "> open", "> add pake", "> release", "> add version", "> add 0", "> close happy"]
"""What a client says whose code is known, after its `bind`, when each side sends one message."""

CAUSES = [
    ("< claimed", "> open"),
    ("> open", "> add pake"),
    ("< message pake", "> release"),
    ("< message pake", "> add version"),
    ("< message version", "> add 0"),
    ("< message 0", "> close happy"),
]


def assert_causes(recorder: Recorder) -> None:
    """Each message comes only after the one that permits it, and the client leaves only when it is told that it may."""
    recorder.wait_until_ended()
    names = recorder.names()
    for cause, effect in CAUSES:
        assert names.index(cause) < names.index(effect), names
    assert {"< released", "< closed"} <= set(names)
