"""What is sent in the tests of files, and what is left of it at the other end."""

from __future__ import annotations

import os
import stat
from pathlib import Path

Tree = dict[str, tuple[str, int, bytes]]
"""Everything below a directory: its kind, its permissions, its content."""


def make_file(path: Path, size: int) -> Path:
    """A file that no shift, cut or repetition leaves as it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    block = b"".join(number.to_bytes(4, "big") for number in range(65536))
    with path.open("wb") as file:
        for start in range(0, size, len(block)):
            file.write(start.to_bytes(8, "big") + block[: max(0, min(len(block), size - start) - 8)])
        file.truncate(size)
    return path


def make_tree(top: Path) -> Path:
    """Odd names, modes, empty directories and links."""
    for name in ["plain.txt", "with space", "-rf", "naïve 日本 🎩", "quote'\"quote", "back\\slash", "new\nline", "semi;colon|pipe", ".hidden", "deep/er/still/leaf"]:
        make_file(top / name, 1000 + len(name))
    make_file(top / "empty file", 0)
    for mode in (0o755, 0o600, 0o444, 0o640):
        make_file(top / f"mode {mode:o}", 10).chmod(mode)
    (top / "empty" / "emptier").mkdir(parents=True)
    (top / "link to a file").symlink_to("plain.txt")
    # To one outside: of a directory that can be reached twice, the Python tool sends one.
    make_file(top.parent / "elsewhere" / "leaf", 77)
    (top / "link to a directory").symlink_to("../elsewhere")
    return top


def tree(top: Path, follow: bool = False) -> Tree:
    """What stands below `top`; with `follow`, as it is sent: links are what they lead to."""
    found: Tree = {}
    for directory, directories, files in os.walk(top, followlinks=follow):
        for name in directories + files:
            path = Path(directory, name)
            status = path.stat() if follow else path.lstat()
            kind = {stat.S_IFDIR: "directory", stat.S_IFREG: "file"}[stat.S_IFMT(status.st_mode)]
            permissions = 0 if kind == "directory" else stat.S_IMODE(status.st_mode)
            found[str(path.relative_to(top))] = (kind, permissions, b"" if kind == "directory" else path.read_bytes())
    return found
