"""The face for Twisted: scenes in a reactor, of the common kinds."""

import re
from pathlib import Path

import pytest

SCENES = Path(__file__).parent / "scenes.py"
NAMES = re.findall(r"^async def (\w+)\(\):", SCENES.read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", NAMES)
def test_scene(run, name):
    assert "it ended well" in run(str(SCENES), name).succeed(40).decode()


def test_on_a_reactor_that_rests_on_asyncio(run):
    program = (
        "import asyncio, runpy, sys\n"
        "from twisted.internet import asyncioreactor\n"
        "asyncioreactor.install(asyncio.new_event_loop())\n"
        f"sys.argv = ['scenes.py', 'a_blob_each_way']\n"
        f"runpy.run_path({str(SCENES)!r}, run_name='__main__')\n"
    )
    assert "it ended well" in run("-c", program).succeed().decode()


def test_with_callbacks_when_the_reactor_runs(run):
    program = (
        "from twisted.internet import reactor\n"
        "from wormhole.transcribe import Initiator, Receiver\n"
        "def main():\n"
        "    i = Initiator('appid', b'one')\n"
        "    d = i.start()\n"
        "    d.addCallback(lambda code: Receiver('appid', code, b'two').finish().addCallback(print))\n"
        "    i.finish().addCallback(print).addBoth(lambda _: reactor.callLater(0.3, reactor.stop))\n"
        "reactor.callWhenRunning(main)\n"
        "reactor.run()\n"
    )
    said = run("-c", program).succeed().decode()
    assert "b'one'" in said
    assert "b'two'" in said


def test_a_program_that_has_imported_the_reactor_and_does_not_run_it_blocks(run):
    program = (
        "from twisted.internet import reactor\n"
        "from wormhole.transcribe import Initiator\n"
        "assert isinstance(Initiator('appid', b'one').start(), str)\n"
    )
    run("-c", program).succeed()


def test_twisted_is_not_imported_unless_it_is_there(run):
    program = (
        "import sys\n"
        "from wormhole_sync.transcribe import Initiator\n"
        "Initiator('appid', b'one').start()\n"
        "assert not any(name.startswith('twisted') for name in sys.modules)\n"
        "assert 'asyncio' not in sys.modules\n"
    )
    run("-c", program).succeed()
