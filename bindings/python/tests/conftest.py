"""A server of this project for all tests, and programs that do not outlive theirs."""

import sys
from pathlib import Path

import pytest
from harness.clients import CLIENTS, start_on_loopback
from harness.process import Processes
from harness.servers import OurRelay, OurServer

HERE = Path(__file__).parent
PEER = HERE / "peer.py"


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    home = tmp_path_factory.mktemp("server")
    processes = Processes(home)
    server = OurServer(processes, home, ["--motd", "back at noon", "--allow-list"])
    yield server
    complaints = server.complaints()
    processes.close()
    assert not complaints


@pytest.fixture(scope="session")
def relay(tmp_path_factory):
    processes = Processes(tmp_path_factory.mktemp("relay"))
    yield OurRelay(processes)
    processes.close()


@pytest.fixture
def processes(tmp_path):
    processes = Processes(tmp_path)
    yield processes
    processes.close()


@pytest.fixture(autouse=True)
def at_home(server, monkeypatch, tmp_path):
    """Whoever names no server meets at ours, and nothing leaves loopback."""
    monkeypatch.setenv("WORMHOLE_RELAY_URL", server.url)
    monkeypatch.setenv("WORMHOLE_TRANSIT_HELPER", "")
    for name in ("ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def exchange(processes, server):
    """Start one side, by its name: `exchange("aio", b"blob", code)`."""

    def start(name, blob, code=None, appid="example.com/pairing"):
        client = {"rust": "ours", "library": "python"}.get(name)
        if client:
            return CLIENTS[client](processes, server.url, appid).exchange(blob, code)
        more = ["--code", code] if code else []
        program = [sys.executable, str(PEER), name, "--relay-url", server.url, "--appid", appid]
        return start_on_loopback(processes, [*program, *more], stdin=blob)

    return start


@pytest.fixture
def run(processes, server):
    """Start a program of Python that meets at the server."""

    def start(*arguments, python=sys.executable, **how):
        environment = {"WORMHOLE_RELAY_URL": server.url, **how.pop("environment", {})}
        return processes.start([python, *arguments], environment=environment, **how)

    return start
