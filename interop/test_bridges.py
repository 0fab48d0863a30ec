"""Whole clients who have no door of our relay in common, and a relay that nobody but the mailbox server has named."""

from __future__ import annotations

import time

import pytest
from files import make_file
from harness.clients import ADVERTISED, Client
from harness.process import PATIENCE
from harness.proxy import LOOPBACK
from harness.servers import OurRelay, OurServer

pytestmark = pytest.mark.ours

SIZE = 5_000_000

BRIDGES = [
    ("python", "port", "ours", "websocket"),
    ("ours", "websocket", "python", "port"),
    ("ours", "port", "ours", "websocket"),
    ("ours", "websocket", "ours", "port"),
]
"""Who sends by which door to whom at which other one. The Python tool knows ports alone."""

ROLES = [("ours", "python"), ("python", "ours"), ("ours", "ours")]


@pytest.fixture
def relay(processes) -> OurRelay:
    """Ours, for this test alone, so that it counts nothing else."""
    return OurRelay(processes)


def doors(relay: OurRelay) -> dict[str, tuple[int, str]]:
    """The port of each door, and how it is named."""
    return {"port": (relay.port, f"tcp:{LOOPBACK}:{relay.port}"), "websocket": (relay.web_port, f"ws://{LOOPBACK}:{relay.web_port}/")}


@pytest.mark.parametrize(("one", "its_door", "other", "the_others"), BRIDGES)
def test_a_file_goes_from_a_port_to_a_websocket_and_back(server, relay, client, lets_through, nameplate, tmp_path, one, its_door, other, the_others):
    """Each is told of both doors, by the other's hint, so a proxy keeps each of ours from the one that it has not named."""
    ends = []
    for name, door in ((one, its_door), (other, the_others)):
        port, url = doors(relay)[door]
        end = client(name, server.url)
        end.transit, end.proxy = url, lets_through(port) if name == "ours" else None
        ends.append((end, port))
    (sender, _), (receiver, _) = ends
    moves(sender, receiver, nameplate, tmp_path)
    for end, port in ends:
        if end.proxy is None:
            continue
        assert end.proxy.carried[port] > SIZE
        assert set(end.proxy.refused) <= {f"{LOOPBACK}:{relay.port}", f"{LOOPBACK}:{relay.web_port}"}
    assert_relayed(relay)


@pytest.mark.parametrize("advertised", [("port",), ("websocket", "port")], ids=["port", "both"])
@pytest.mark.parametrize(("one", "other"), ROLES)
def test_a_relay_that_the_mailbox_server_alone_names_serves_ours_and_whom_ours_tells_of_it(
    processes, relay, client, lets_through, nameplate, tmp_path, one, other, advertised
):
    options = [option for door in advertised for option in ("--advertise-relay", doors(relay)[door][1])]
    server = OurServer(processes, tmp_path / "server", options)
    sender, receiver = client(one, server.url), client(other, server.url)
    proxies = []
    for end in (sender, receiver):
        end.transit = ""
        if end.name == "ours":
            end.transit, end.proxy = ADVERTISED, lets_through(relay.port, relay.web_port)
            proxies.append(end.proxy)
    moves(sender, receiver, nameplate, tmp_path)
    for proxy in proxies:
        assert proxy.carried[relay.port] + proxy.carried[relay.web_port] > SIZE
        assert proxy.refused == [], "another relay was dialed"
    assert_relayed(relay)


def moves(sender: Client, receiver: Client, nameplate: str, tmp_path) -> None:
    """Sends a file, and finds it at the other end as it was."""
    sent, got, code = make_file(tmp_path / "sent", SIZE), tmp_path / "got", f"{nameplate}-tradition-snapshot"
    sending = sender.offer(str(sent), "--code", code)
    receiving = receiver.take(code, "-o", str(got))
    receiving.succeed(60)
    sending.succeed(60)
    assert got.read_bytes() == sent.read_bytes()


def assert_relayed(relay: OurRelay) -> None:
    """A pair has moved the file, and nothing has gone wrong."""

    def ended(mood: str) -> int:
        return relay.metric(f'wormhole_relay_endings_total{{mood="{mood}"}}')

    deadline = time.monotonic() + PATIENCE
    while ended("happy") == 0 and time.monotonic() < deadline:
        time.sleep(0.02)  # both have gone, and the relay has yet to notice
    assert ended("happy") >= 1
    assert (ended("errory"), ended("impatient")) == (0, 0)
    assert relay.metric("wormhole_relay_bytes_total") > SIZE
