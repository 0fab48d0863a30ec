"""The programs of the package's first description, to the letter, and those of its documentation."""

from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
INITIATORS = ("initiator.py", "twisted_initiator.py", "aio_initiator.py")
RECEIVERS = ("receiver.py", "twisted_receiver.py", "aio_receiver.py")


@pytest.mark.parametrize("initiator", INITIATORS)
@pytest.mark.parametrize("receiver", RECEIVERS)
def test_they_meet(run, initiator, receiver):
    showing = run(str(EXAMPLES / initiator))
    code = showing.wait_for(r"Invitation Code: (\S+)")[1]
    typing = run(str(EXAMPLES / receiver), code)
    assert typing.succeed().decode() == "Their blob: initiator's blob\n"
    assert showing.succeed().decode() == f"Invitation Code: {code}\nTheir blob: receiver's blob\n"
