#!/usr/bin/env python3
"""Times a whole pair of processes that exchange something: from the first one's start to both exits, over loopback.

    bench/pair.py BINARY VENV [--runs N]

BINARY is the `wormhole` to time, VENV a virtual environment with the Python peers (`interop/run` makes one in interop/.venv).
Both mailbox servers are started on loopback with a database on disk. The pairs take turns, so that each meets the same
machine. Medians in milliseconds, and how many times the first line's each is. Only the standard library is needed.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "interop"))

from harness.clients import CODE, Client, OurClient, PythonClient  # noqa: E402
from harness.process import Processes  # noqa: E402
from harness.servers import MailboxServer, OurServer, PythonServer  # noqa: E402

MOST_RUNS = 200
"""Keeps the whole within minutes: a Python pair takes about a second."""

BLOBS = b"from the first", b"from the second"

nameplates = itertools.count(5000)


def exchange_at_once(client: Client) -> None:
    """Both sides know the code and start together."""
    code = f"{next(nameplates)}-tradition-snapshot"
    one, other = client.exchange(BLOBS[0], code), client.exchange(BLOBS[1], code)
    assert (one.succeed(), other.succeed()) == BLOBS[::-1]


def exchange_in_turn(client: Client) -> None:
    """The first is given a code, and the second starts as soon as it is shown."""
    one = client.exchange(BLOBS[0])
    other = client.exchange(BLOBS[1], one.wait_for(CODE)[1])
    assert (one.succeed(), other.succeed()) == BLOBS[::-1]


def text_at_once(client: Client) -> None:
    """`send --text` and `receive`, started together."""
    code = f"{next(nameplates)}-tradition-snapshot"
    sender, receiver = client.send("a text", "--code", code), client.receive(code)
    assert receiver.succeed() == client.shows("a text")
    sender.succeed()


PAIRS = [
    ("exchange, both start at once", exchange_at_once, OurClient, OurServer),
    ("exchange, both start at once", exchange_at_once, OurClient, PythonServer),
    ("exchange, both start at once", exchange_at_once, PythonClient, PythonServer),
    ("exchange, second starts on the code", exchange_in_turn, OurClient, OurServer),
    ("exchange, second starts on the code", exchange_in_turn, PythonClient, PythonServer),
    ("send --text and receive at once", text_at_once, OurClient, OurServer),
    ("send --text and receive at once", text_at_once, PythonClient, PythonServer),
    ("send --text and receive at once", text_at_once, PythonClient, OurServer),
]


def measure(runs: int, home: Path) -> list[list[float]]:
    """The milliseconds of every run of every pair."""
    serving = Processes(home)
    try:
        servers: dict[type[MailboxServer], MailboxServer] = {kind: kind(serving, home / kind.name) for kind in (OurServer, PythonServer)}
        times: list[list[float]] = [[] for _ in PAIRS]
        for run in range(runs + 1):
            for taken, (_, pair, client, server) in zip(times, PAIRS):
                milliseconds = time_one(pair, client, servers[server].url, home)
                if run > 0:  # the first warms the file cache
                    taken.append(milliseconds)
        return times
    finally:
        serving.close()


def time_one(pair, client: type[Client], url: str, home: Path) -> float:
    processes = Processes(home)
    try:
        started = time.perf_counter()
        pair(client(processes, url))
        return (time.perf_counter() - started) * 1000
    finally:
        processes.close()


def show(times: list[list[float]]) -> None:
    base = statistics.median(times[0])
    print(f"{'what':36} {'clients':8} {'server':14} {'median':>8} {'fastest':>8} {'slowest':>8} {'ratio':>7}")
    for (what, _, client, server), taken in zip(PAIRS, times):
        middle = statistics.median(taken)
        print(f"{what:36} {client.name:8} {server.name:14} {middle:8.1f} {min(taken):8.1f} {max(taken):8.1f} {middle / base:6.1f}x")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", type=Path, help="the `wormhole` command to time; a release build for numbers that mean something")
    parser.add_argument("venv", type=Path, help="the virtual environment with the Python peers")
    parser.add_argument("--runs", type=int, default=15, help=f"how often each pair runs (15, at most {MOST_RUNS})")
    arguments = parser.parse_args()
    os.environ["WORMHOLE_BIN"] = str(arguments.binary.resolve())
    os.environ["INTEROP_VENV"] = str(arguments.venv.absolute())
    with tempfile.TemporaryDirectory() as home:
        show(measure(max(1, min(arguments.runs, MOST_RUNS)), Path(home)))


if __name__ == "__main__":
    main()
