#!/usr/bin/env python3
"""Moves files between two processes over loopback: ours, the Python tool, and each crossed with the other, in turns.

    bench/transfer.py BINARY VENV [--runs N] [--tree-runs N] [--mebibytes N] [--files N] [--memory DIR] [--disk DIR] [--long-mebibytes N]

BINARY is the `wormhole` to measure, VENV a virtual environment with the Python tool (`interop/run` makes one in interop/.venv).
They meet at our mailbox server. The rate is net of set-up: the time of both processes less that of one byte between the same two.
So is the processor's time, of each side. The peak of memory is that of each side's resident set. Medians; only the ratios within
one run count. Wants room for three copies of the file in DIR. Only the standard library is needed.
"""

from __future__ import annotations

import argparse
import itertools
import os
import resource
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "interop"))

from harness.process import Processes, private_environment  # noqa: E402
from harness.servers import OurServer, our_binary, python_tool  # noqa: E402

PATIENCE = 900.0
"""Seconds that one transfer may take."""

GLANCES = 0.001, 0.05
"""Seconds between two looks at the memory: at first, and at most; each is twice the one before."""

OURS, PYTHON = "ours", "Python"
PAIRS = [(OURS, OURS), (PYTHON, PYTHON), (OURS, PYTHON), (PYTHON, OURS)]
GIB = 1 << 30
SMALL_FILE = 4096
FILES_IN_A_DIRECTORY = 1000

nameplates = itertools.count(7000)


@dataclass(frozen=True)
class Side:
    """What one process has used."""

    processor: float
    """Seconds, in user space and in the system."""
    memory: float
    """Peak of the resident set, in MiB."""


@dataclass(frozen=True)
class Run:
    seconds: float
    sides: tuple[Side, Side]


def command(tool: str, url: str, verb: str, *arguments: str) -> list[str]:
    if tool == OURS:
        return [our_binary(), "--relay-url", url, "--transit-helper=", verb, "--listen=127.0.0.1:0", "--hide-progress", *arguments]
    return [python_tool("wormhole"), "--relay-url", url, "--transit-helper=tcp:127.0.0.1:9", verb, "--hide-progress", *arguments]


def transfer(pair: tuple[str, str], url: str, source: Path, target: Path | None, home: Path) -> Run:
    """One transfer; without a target the bytes go to standard output, and nowhere. Both sides know the code and start together."""
    code = f"{next(nameplates)}-tradition-snapshot"
    sender = command(pair[0], url, "send", "--code", code, str(source))
    receiver = command(pair[1], url, "receive", "--accept-file", "-o", str(target or "-"), code)
    started = time.perf_counter()
    with open(home / "said", "wb") as said:
        children = [start(argv, said, said if target else subprocess.DEVNULL, home) for argv in (sender, receiver)]
        sides = follow(children, started + PATIENCE)
        seconds = time.perf_counter() - started
    if any(child.returncode for child in children):
        raise SystemExit(f"{pair} failed with {source}:\n{(home / 'said').read_text(errors='replace')}")
    return Run(seconds, (sides[0], sides[1]))


def start(argv: list[str], said, out, home: Path) -> subprocess.Popen:
    return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=said, env=private_environment(home), cwd=home)


def follow(children: list[subprocess.Popen], deadline: float) -> list[Side]:
    """Waits for all to end, and looks at their memory meanwhile."""
    peaks = [0.0] * len(children)
    handles = [os.pidfd_open(child.pid) for child in children]
    poll = select.poll()
    for handle in handles:
        poll.register(handle, select.POLLIN)
    used: dict[int, resource.struct_rusage] = {}
    glance, longest = GLANCES
    while len(used) < len(children):
        ended = [handles.index(handle) for handle, _ in poll.poll(glance * 1000)]
        glance = min(2 * glance, longest)
        for index, child in enumerate(children):
            if index in ended:
                poll.unregister(handles[index])
                _, status, used[index] = os.wait4(child.pid, 0)
                child.returncode = os.waitstatus_to_exitcode(status)
            elif index not in used:
                peaks[index] = max(peaks[index], resident(child.pid))
        if time.perf_counter() > deadline or any(child.returncode for child in children):
            for child in children:
                child.kill()
    for handle in handles:
        os.close(handle)
    return [Side(usage.ru_utime + usage.ru_stime, peak(peaks[index], usage)) for index, usage in sorted(used.items())]


def resident(pid: int) -> float:
    """The highest that its memory has been, in MiB."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


def peak(seen: float, usage: resource.struct_rusage) -> float:
    """What the system accounts to a child includes this very process, from before it became the child's program: where it
    is not more than that, what was seen is better."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return usage.ru_maxrss / 1024 if usage.ru_maxrss > own else seen


def in_turns(pairs, runs: int, url: str, source: Path, into: Path | None, home: Path) -> dict[tuple[str, str], list[Run]]:
    """Every pair's runs. What was received is counted and removed again."""
    taken: dict[tuple[str, str], list[Run]] = {pair: [] for pair in pairs}
    expected = contents(source)
    for _ in range(runs):
        for pair, results in taken.items():
            target = into and into / f"received-{next(nameplates)}"
            if target:
                touch(target, expected[1])
            os.sync()  # what the one before has left to write is not this one's
            results.append(transfer(pair, url, source, target, home))
            if target:
                assert contents(target) == expected, f"{pair}: {contents(target)} instead of {expected}"
                shutil.rmtree(target) if target.is_dir() else target.unlink()
    return taken


def touch(path: Path, size: int) -> None:
    """Writes as much, and removes it again: a virtual machine is given memory when it is first touched, which takes longer than the
    transfer and is none of its work."""
    piece = bytes(1 << 20)
    with open(path, "wb") as file:
        for start in range(0, size, len(piece)):
            file.write(piece[: size - start])
    path.unlink()


def contents(path: Path) -> tuple[int, int]:
    """Files, and bytes of all of them."""
    sizes = [file.stat().st_size for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file()]
    return len(sizes), sum(sizes)


@dataclass(frozen=True)
class Middle:
    """Medians."""

    seconds: float
    processor: tuple[float, float]
    memory: tuple[float, float]

    @classmethod
    def of(cls, runs: list[Run]) -> Middle:
        def each(value: Callable[[Side], float]) -> tuple[float, float]:
            one, other = (statistics.median(value(run.sides[side]) for run in runs) for side in (0, 1))
            return one, other

        return cls(statistics.median(run.seconds for run in runs), each(lambda side: side.processor), each(lambda side: side.memory))


def show(title: str, unit: str, amount: float, size: int, results: dict, idle: dict[tuple[str, str], Middle]) -> None:
    """A line for each pair, and how ours compares."""
    print(f"\n{title}\n{'sender → receiver':20} {'s, whole':>9} {unit:>9} {'CPU s/GiB, each side':>22} {'peak MiB, each side':>21}")
    rates, costs = {}, {}
    for pair, runs in results.items():
        middle, least = Middle.of(runs), idle[pair]
        rates[pair] = amount / max(middle.seconds - least.seconds, 1e-3)
        costs[pair] = [(middle.processor[side] - least.processor[side]) * GIB / size for side in (0, 1)]
        print(
            f"{' → '.join(pair):20} {middle.seconds:9.2f} {rates[pair]:9.0f} {costs[pair][0]:11.2f} {costs[pair][1]:10.2f}"
            f" {middle.memory[0]:10.1f} {middle.memory[1]:10.1f}"
        )
    ours, python = (OURS, OURS), (PYTHON, PYTHON)
    if python in results:
        share = [costs[ours][side] / costs[python][side] for side in (0, 1)]
        print(f"ours against Python: {rates[ours] / rates[python]:.1f} times the rate, {share[0]:.2f} and {share[1]:.2f} of the processor's time")
    sys.stdout.flush()


def show_byte(idle: dict[tuple[str, str], Middle]) -> None:
    print(f"one byte\n{'sender → receiver':20} {'ms, whole':>9} {'CPU ms, each side':>22} {'peak MiB, each side':>21}")
    for pair, middle in idle.items():
        processor = [value * 1000 for value in middle.processor]
        print(
            f"{' → '.join(pair):20} {middle.seconds * 1000:9.0f} {processor[0]:11.0f} {processor[1]:10.0f} {middle.memory[0]:10.1f} {middle.memory[1]:10.1f}"
        )
    sys.stdout.flush()


def random_file(path: Path, size: int) -> Path:
    with open(path, "wb") as file:
        for start in range(0, size, 1 << 20):
            file.write(os.urandom(min(1 << 20, size - start)))
    return path


def small_files(root: Path, count: int) -> Path:
    for number in range(count):
        folder = root / f"{number // FILES_IN_A_DIRECTORY:04}"
        folder.mkdir(parents=True, exist_ok=True) if number % FILES_IN_A_DIRECTORY == 0 else None
        (folder / f"{number:06}").write_bytes(os.urandom(SMALL_FILE))
    return root


def measure(arguments: argparse.Namespace, url: str, memory: Path, disk: Path, home: Path) -> None:
    def run(pairs, runs: int, source: Path, into: Path | None) -> dict[tuple[str, str], list[Run]]:
        return in_turns(pairs, runs, url, source, into, home)

    byte = random_file(memory / "byte", 1)
    run(PAIRS, 1, byte, memory)  # warms the file cache
    idle = {pair: Middle.of(runs) for pair, runs in run(PAIRS, max(3, arguments.runs), byte, memory).items()}
    show_byte(idle)
    size = arguments.mebibytes << 20
    if size:
        file = random_file(memory / "file", size)
        for title, into in places(memory, disk):
            show(f"one file of {size >> 20} MiB, {title}", "MiB/s", size >> 20, size, run(PAIRS, arguments.runs, file, into), idle)
        file.unlink()
    if arguments.files:
        tree = small_files(memory / "tree", arguments.files)
        for title, into in places(memory, disk):
            title = f"{arguments.files} files of {SMALL_FILE} bytes, {title}"
            results = run(PAIRS, arguments.tree_runs, tree, into)
            show(title, "files/s", arguments.files, arguments.files * SMALL_FILE, results, idle)
        shutil.rmtree(tree)
    if arguments.long_mebibytes:
        size = arguments.long_mebibytes << 20
        with open(memory / "long", "wb") as hole:
            hole.truncate(size)
        show(f"{size >> 20} MiB of zeros to standard output", "MiB/s", size >> 20, size, run(PAIRS[:1], 1, memory / "long", None), idle)


def places(memory: Path, disk: Path) -> Iterator[tuple[str, Path]]:
    yield "memory to memory", memory
    yield "memory to disk (ours is durable when it is acknowledged; Python's need not be)", disk


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", type=Path, help="the `wormhole` command to measure; a release build for numbers that mean something")
    parser.add_argument("venv", type=Path, help="the virtual environment with the Python tool")
    parser.add_argument("--runs", type=int, default=5, help="how often each pair moves the file (5)")
    parser.add_argument("--tree-runs", type=int, default=3, help="how often each pair moves the small files (3; the Python pair takes half a minute)")
    parser.add_argument("--mebibytes", type=int, default=1024, help="size of the file (1024; 0: none)")
    parser.add_argument("--files", type=int, default=100_000, help="number of small files (100000; 0: none)")
    parser.add_argument("--long-mebibytes", type=int, default=10_240, help="size of what is sent to nowhere, to watch the memory (10240; 0: none)")
    parser.add_argument("--memory", type=Path, default=Path("/dev/shm"), help="a directory in memory (/dev/shm)")
    parser.add_argument("--disk", type=Path, default=Path(tempfile.gettempdir()), help="a directory on a disk (that for temporary files)")
    arguments = parser.parse_args()
    os.environ["WORMHOLE_BIN"] = str(arguments.binary.resolve())
    os.environ["INTEROP_VENV"] = str(arguments.venv.absolute())
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryDirectory(dir=arguments.memory) as memory, tempfile.TemporaryDirectory(dir=arguments.disk) as disk:
        processes = Processes(Path(home))
        try:
            server = OurServer(processes, Path(home) / "server")
            measure(arguments, server.url, Path(memory), Path(disk), Path(home))
        finally:
            processes.close()


if __name__ == "__main__":
    main()
