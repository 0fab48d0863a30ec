#!/usr/bin/env python3
"""Times a whole pair of processes that exchange something: from the first one's start to both exits, over loopback.

    bench/pair.py BINARY VENV [--runs N]

BINARY is the `wormhole` to time, VENV a virtual environment with the Python peers (`interop/run` makes one in interop/.venv).
Both mailbox servers are started on loopback with a database on disk. Ours and the Python pairs take turns, so that each meets
the same machine. Medians in milliseconds, and how many times better ours is. Only the standard library is needed.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
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


Setting = tuple[type[Client], type[MailboxServer]]

OURS: Setting = OurClient, OurServer
PYTHON: Setting = PythonClient, PythonServer

ROWS: list[tuple[str, Callable[[Client], None], Setting, Setting]] = [
    ("exchange, both start at once", exchange_at_once, OURS, PYTHON),
    ("exchange, second starts on the code", exchange_in_turn, OURS, PYTHON),
    ("send --text and receive, both start at once", text_at_once, OURS, PYTHON),
    ("exchange at once, both clients at the Python server", exchange_at_once, (OurClient, PythonServer), PYTHON),
    ("text at once, both clients at our server", text_at_once, OURS, (PythonClient, OurServer)),
]


def measure(runs: int, home: Path) -> dict[tuple[Callable[[Client], None], Setting], list[float]]:
    """The milliseconds of every run of every pair."""
    serving = Processes(home)
    try:
        servers: dict[type[MailboxServer], MailboxServer] = {kind: kind(serving, home / kind.name) for kind in (OurServer, PythonServer)}
        times = {(pair, setting): [] for _, pair, *settings in ROWS for setting in settings}
        for run in range(runs + 1):
            for (pair, (client, server)), taken in times.items():
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


def show(times: dict[tuple[Callable[[Client], None], Setting], list[float]]) -> None:
    print(f"{'milliseconds from the first start to both exits':52} {'ours':>10} {'Python':>10} {'better by':>10}")
    for what, pair, *settings in ROWS:
        ours, python = (statistics.median(times[pair, setting]) for setting in settings)
        print(f"{what:52} {ours:10.1f} {python:10.1f} {python / ours:9.1f}x")


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
