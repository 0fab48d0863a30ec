#!/usr/bin/env python3
"""What the Python package costs, beside the same in Rust and in the Python library, in one run over loopback.

    bench/python.py RELEASE VENV [--count N] [--rounds N]

RELEASE is the folder of the release builds of `wormhole` and `pairs`, VENV a virtual environment with the package, built for release,
and `magic-wormhole` (`WORMHOLE_PYTHON_PROFILE=release bindings/python/run` makes one in bindings/python/.venv). In each round every way makes its
exchanges in a process of its own that does both sides, in turn with the others. Medians in milliseconds. Only the standard library
is needed.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "interop"))

from harness.process import Processes  # noqa: E402
from harness.servers import OurServer  # noqa: E402

MOST = 1000
"""Exchanges in a round, and rounds, at most: keeps the whole within minutes."""

TIMED = """
import sys, time
url, count = sys.argv[1], int(sys.argv[2])
def show(began):
    print((time.perf_counter() - began) * 1000)
"""

BLOCKING = TIMED + """
from concurrent.futures import ThreadPoolExecutor
from wormhole_sync import Initiator, Receiver
with ThreadPoolExecutor(1) as other:
    for _ in range(count):
        began = time.perf_counter()
        initiator = Initiator("example.com/bench", b"one", rendezvous=url)
        receiving = other.submit(Receiver("example.com/bench", initiator.start(), b"two", rendezvous=url).finish)
        assert (initiator.finish(), receiving.result()) == (b"two", b"one")
        show(began)
"""

ASYNCIO = TIMED + """
import asyncio
from wormhole_sync.aio import Initiator, Receiver
async def main():
    for _ in range(count):
        began = time.perf_counter()
        initiator = Initiator("example.com/bench", b"one", rendezvous=url)
        receiver = Receiver("example.com/bench", await initiator.start(), b"two", rendezvous=url)
        assert await asyncio.gather(initiator.finish(), receiver.finish()) == [b"two", b"one"]
        show(began)
asyncio.run(main())
"""

TWISTED = TIMED + """
from twisted.internet import defer, task
from wormhole_sync.twisted import Initiator, Receiver
async def main():
    for _ in range(count):
        began = time.perf_counter()
        initiator = Initiator("example.com/bench", b"one", rendezvous=url)
        receiver = Receiver("example.com/bench", await initiator.start(), b"two", rendezvous=url)
        assert await defer.gatherResults([initiator.finish(), receiver.finish()]) == [b"two", b"one"]
        show(began)
task.react(lambda _: defer.ensureDeferred(main()))
"""

LIBRARY = TIMED + """
import wormhole
from twisted.internet import defer, task
async def side(w, blob):
    w.send_message(blob)
    theirs = await w.get_message()
    await w.close()
    return theirs
async def main(reactor):
    for _ in range(count):
        began = time.perf_counter()
        one, other = (wormhole.create("example.com/bench", url, reactor) for _ in range(2))
        one.allocate_code(2)
        other.set_code(await one.get_code())
        await defer.gatherResults([defer.ensureDeferred(side(one, b"one")), defer.ensureDeferred(side(other, b"two"))])
        show(began)
task.react(lambda reactor: defer.ensureDeferred(main(reactor)))
"""

IMPORTS = {
    "import wormhole_sync": "import wormhole_sync",
    "import wormhole_sync.aio": "import wormhole_sync.aio",
    "(of which asyncio alone)": "import asyncio",
    "import wormhole (magic-wormhole)": "import wormhole",
}


def exchanges(release: Path, python: Path, url: str, count: int, rounds: int) -> dict[str, list[float]]:
    pairs = str(release / "pairs")
    ways = {
        "Rust, blocking": [pairs, "--face", "blocking", "--url", url, "--count", str(count)],
        "Python, blocking": [python, "-c", BLOCKING, url, str(count)],
        "Rust, async": [pairs, "--face", "async", "--url", url, "--count", str(count)],
        "Python, asyncio": [python, "-c", ASYNCIO, url, str(count)],
        "Python, Twisted": [python, "-c", TWISTED, url, str(count)],
        "magic-wormhole's library": [python, "-c", LIBRARY, url, str(min(count, 10))],
    }
    times: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, command in ways.items():
            said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout
            times[way] += [float(line) for line in said.split()]
    return times


def imports(python: Path, rounds: int) -> dict[str, list[float]]:
    """Within a process, from before the import to after it."""
    times: dict[str, list[float]] = {what: [] for what in IMPORTS}
    for _ in range(rounds * 5):
        for what, statement in IMPORTS.items():
            program = f"import time; began = time.perf_counter(); {statement}; print((time.perf_counter() - began) * 1000)"
            said = subprocess.run([python, "-c", program], check=True, capture_output=True, text=True, timeout=60).stdout
            times[what].append(float(said))
    return times


def show(title: str, times: dict[str, list[float]]) -> None:
    print(f"{title:36} {'median':>8} {'90 %':>8}")
    for what, taken in times.items():
        print(f"{what:36} {statistics.median(taken):8.2f} {statistics.quantiles(taken, n=10)[-1]:8.2f}")
    print()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("release", type=Path, help="the folder of the release builds")
    parser.add_argument("venv", type=Path, help="the virtual environment with the package and magic-wormhole")
    parser.add_argument("--count", type=int, default=50, help=f"exchanges of each way in a round (50, at most {MOST})")
    parser.add_argument("--rounds", type=int, default=5, help=f"rounds (5, at most {MOST})")
    arguments = parser.parse_args()
    os.environ["WORMHOLE_BIN"] = str((arguments.release / "wormhole").resolve())
    count, rounds = (max(2, min(number, MOST)) for number in (arguments.count, arguments.rounds))
    python = arguments.venv.absolute() / "bin" / "python"
    with tempfile.TemporaryDirectory() as home:
        processes = Processes(Path(home))
        try:
            server = OurServer(processes, Path(home) / "server")
            show("milliseconds for an exchange", exchanges(arguments.release, python, server.url, count, rounds))
            show("milliseconds to import", imports(python, rounds))
        finally:
            processes.close()


if __name__ == "__main__":
    main()
