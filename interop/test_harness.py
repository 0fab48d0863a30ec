"""What the other tests rely on."""

from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path

import pytest
from harness.clients import ADVERTISED, BLOB_APPID, start_on_loopback
from harness.process import Processes
from harness.proxy import LOOPBACK, Proxy
from harness.recorder import CUT_AFTER, CUT_BEFORE, cut_once
from order import ORDER, assert_causes


@pytest.mark.parametrize("url", ["wss://relay.magic-wormhole.io:443/v1", "ws://192.0.2.1:4000/v1", "ws://127.0.0.1.example.com/v1"])
def test_no_client_starts_with_a_server_that_is_not_on_this_machine(processes, client, url):
    for name in ("python", "ours"):
        with pytest.raises(AssertionError, match="not loopback"):
            start_on_loopback(processes, [name, "--relay-url", url, "receive"])
    with pytest.raises(AssertionError, match="not loopback"):
        client("python", url).exchange(b"")
    with pytest.raises(AssertionError, match="no explicit"):
        start_on_loopback(processes, ["wormhole", "receive"])
    leaves_it_to_the_server = client("ours", "ws://127.0.0.1:9/v1")
    leaves_it_to_the_server.transit = ADVERTISED
    with pytest.raises(AssertionError, match="without a proxy"):
        leaves_it_to_the_server.take("7-tradition-snapshot")
    assert processes.all == []


def test_nothing_outlives_its_test(tmp_path):
    processes = Processes(tmp_path)
    child = processes.start(["sh", "-c", "trap '' TERM INT; sleep 1000 & echo $!; wait"])
    grandchild = int(child.wait_for(r"(\d+)")[1])
    processes.close()
    assert not child.running
    for _ in range(100):
        if is_gone(grandchild):
            return
        time.sleep(0.05)
    raise AssertionError("the grandchild still runs")


def is_gone(pid: int) -> bool:
    """Nobody may have waited for it yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_proxy_leads_to_its_ports_alone_and_counts(lets_through):
    there, elsewhere = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
    port, other = there.getsockname()[1], elsewhere.getsockname()[1]
    proxy = lets_through(port)
    for place in (f"{LOOPBACK}:{other}", f"127.0.0.1:{port}", "transit.magic-wormhole.io:4001"):
        assert asks(proxy, place).recv(12) == b"HTTP/1.1 403"
        assert proxy.refused.pop() == place
    client = asks(proxy, f"{LOOPBACK}:{port}")
    assert client.recv(64) == b"HTTP/1.1 200 OK\r\n\r\n"
    server, _ = there.accept()
    client.sendall(b"there")
    assert server.recv(64) == b"there"
    server.sendall(b"and back")
    assert client.recv(64) == b"and back"
    assert proxy.carried == {port: len("thereand back")}


def asks(proxy: Proxy, place: str) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", int(proxy.url.rpartition(":")[2])), 10)
    client.sendall(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n".encode())
    return client


def test_a_process_has_nothing_of_the_users(processes, tmp_path):
    shown = processes.start([sys.executable, "-c", "import os; print(dict(os.environ))"]).succeed().decode()
    assert str(tmp_path) in shown
    assert os.path.expanduser("~") not in shown.replace(os.environ["PATH"], "")


@pytest.mark.parametrize("how", [CUT_BEFORE, CUT_AFTER])
def test_a_cut_line_is_a_cut_line(server, client, record, nameplate, how):
    seen = record(server.url, cut_once("> add pake", how))
    code = f"{nameplate}-tradition-snapshot"
    sides = client("python", seen.url).exchange(b"one", code), client("python", server.url).exchange(b"other", code)
    assert [side.succeed() for side in sides] == [b"other", b"one"]
    assert seen.by_client(0) == ["> bind", "> claim", "> open", "> add pake"]
    assert "> add version" in seen.by_client(1)


def test_the_wire_of_the_python_peer_is_as_the_protocol_has_it(server, client, record, nameplate):
    seen = record(server.url)
    code = f"{nameplate}-tradition-snapshot"
    sides = client("python", seen.url).exchange(b"one", code), client("python", server.url).exchange(b"other", code)
    assert [side.succeed() for side in sides] == [b"other", b"one"]
    assert seen.by_client() == ["> bind", *ORDER]
    assert_causes(seen)


def test_what_is_said_in_clear_is_found(server, client, record, nameplate):
    seen = record(server.url)
    code = f"{nameplate}-tradition-snapshot"
    sides = client("python", seen.url).exchange(b"one", code), client("python", server.url).exchange(b"other", code)
    for side in sides:
        side.succeed()
    for clear in (nameplate, BLOB_APPID, "Upgrade: ", '{"pake_v1"', "add", "happy"):
        assert clear.encode() in seen.captured()
