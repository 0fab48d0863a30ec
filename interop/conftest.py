"""Fixtures: which side each program plays, which server is between them, and the promise that nothing outlives a test."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Iterator

import pytest
from harness.clients import CLIENTS, Client
from harness.process import Processes
from harness.proxy import Proxy
from harness.recorder import Recorder
from harness.servers import RELAYS, SERVERS, MailboxServer, Relay, our_binary

WITHOUT_OURS = os.environ.get("INTEROP_WITHOUT_OURS") == "1"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "ours: needs this project's binary")


def pytest_sessionstart(session: pytest.Session) -> None:
    if not WITHOUT_OURS:
        our_binary()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Only the explicit switch skips what is ours; a missing binary fails the whole session before."""
    for item in items:
        ours = item.get_closest_marker("ours") or "our" in item.name.partition("[")[2]
        if WITHOUT_OURS and ours:
            item.add_marker(pytest.mark.skip(reason="INTEROP_WITHOUT_OURS=1"))


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    """Starts processes in a home of their own, and ends them with the test."""
    started = Processes(tmp_path)
    yield started
    started.close()


@pytest.fixture(scope="session")
def running_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, MailboxServer]]:
    """The servers that all tests share which do not harm theirs; at the end none may have failed inside."""
    started = Processes(tmp_path_factory.mktemp("servers"))
    servers: dict[str, MailboxServer] = {}
    yield servers
    complaints = {name: server.complaints() for name, server in servers.items()}
    started_ones = [server.process.running for server in servers.values()]
    for server in servers.values():
        server.process.kill()
    assert all(started_ones), "a server ended by itself"
    assert not complaints.get("our-server"), complaints


@pytest.fixture
def server(request: pytest.FixtureRequest, running_servers: dict[str, MailboxServer], tmp_path_factory: pytest.TempPathFactory) -> MailboxServer:
    """A mailbox server, by parametrization either of the two."""
    name = getattr(request, "param", "python-server")
    if name not in running_servers:
        home = tmp_path_factory.mktemp(name)
        running_servers[name] = SERVERS[name](Processes(home), home / "database")
    return running_servers[name]


@pytest.fixture
def mortal_server(request: pytest.FixtureRequest, processes: Processes, tmp_path: Path) -> MailboxServer:
    """A server of this test alone, which may be killed."""
    return SERVERS[request.param](processes, tmp_path / "database")


@pytest.fixture(scope="session")
def running_relays() -> Iterator[dict[str, Relay]]:
    """The relays that all tests share; at the end all are still there."""
    relays: dict[str, Relay] = {}
    yield relays
    still_there = [relay.process.running for relay in relays.values()]
    for relay in relays.values():
        relay.process.kill()
    assert all(still_there), "a relay ended by itself"


@pytest.fixture
def relay(request: pytest.FixtureRequest, running_relays: dict[str, Relay], tmp_path_factory: pytest.TempPathFactory) -> Relay:
    """A transit relay, by parametrization either of the two."""
    name = getattr(request, "param", "python-relay")
    if name not in running_relays:
        running_relays[name] = RELAYS[name](Processes(tmp_path_factory.mktemp(name)))
    return running_relays[name]


@pytest.fixture
def client(processes: Processes):
    """Makes a client by its name: `client("ours", url)`."""

    def make(name: str, relay_url: str, appid: str | None = None) -> Client:
        return CLIENTS[name](processes, relay_url, appid)

    return make


@pytest.fixture
def record() -> Iterator:
    """Puts a recorder before a server: `record(url, rule)`."""
    recorders: list[Recorder] = []

    def make(upstream: str, rule=None) -> Recorder:
        recorders.append(Recorder(upstream, rule))
        return recorders[-1]

    yield make
    for recorder in recorders:
        recorder.close()
    assert not [fault for recorder in recorders for fault in recorder.faults]


@pytest.fixture
def lets_through() -> Iterator:
    """Puts a client behind a proxy that leads to these ports alone: `lets_through(port, port)`."""
    proxies: list[Proxy] = []

    def make(*ports: int) -> Proxy:
        proxies.append(Proxy(ports))
        return proxies[-1]

    yield make
    for proxy in proxies:
        proxy.close()


_nameplates = itertools.count(2000)


@pytest.fixture
def nameplate() -> str:
    """A nameplate that no other test uses and no server allocates while fewer than a thousand are taken."""
    return str(next(_nameplates))
