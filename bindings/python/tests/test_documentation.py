"""What the documentation shows, runs."""

import doctest
import importlib
import re
from pathlib import Path

import pytest

import wormhole_sync

HERE = Path(__file__).parent.parent
PAGES = [HERE / "README.md", HERE.parent.parent / "docs" / "python.md"]
EXAMPLES = sorted((HERE / "examples").glob("*.py"))


@pytest.mark.parametrize("name", ["wormhole_sync", "wormhole_sync.errors", "wormhole_sync.transcribe"])
def test_examples_in_docstrings(name, tmp_path):
    (tmp_path / "plan.pdf").write_bytes(b"a whole plan")
    (tmp_path / "received").mkdir()
    outcome = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert outcome.failed == 0
    assert outcome.attempted or name.endswith("transcribe")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_each_example_stands_on_a_page_to_the_letter(path):
    assert any(f"```python\n{path.read_text()}```" in page.read_text() for page in PAGES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_whatever_a_page_names_is_there(page):
    text = page.read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert blocks
    for block in blocks:
        compile(block, page.name, "exec")
        for module, names in re.findall(r"^\s*from (wormhole[\w.]*) import ([\w, ]+)", block, re.MULTILINE):
            for name in names.split(","):
                assert hasattr(importlib.import_module(module), name.strip()), (module, name)
    for name in re.findall(r"`(\w+Error)`", text):
        assert (
            hasattr(wormhole_sync, name) or hasattr(__builtins__, name) or name in dir(__import__("builtins"))
        )


def test_every_public_name_is_described():
    for module in ("wormhole_sync", "wormhole_sync.aio", "wormhole_sync.twisted", "wormhole_sync.transcribe"):
        public = importlib.import_module(module)
        for name in public.__all__:
            what = getattr(public, name)
            if not callable(what):
                continue
            assert what.__doc__, (module, name)
            methods = vars(what).items() if isinstance(what, type) else ()
            for method, value in methods:
                if not method.startswith("_") and callable(value):
                    assert value.__doc__, (module, name, method)


def test_the_three_faces_have_the_same_calls():
    faces = [importlib.import_module(f"wormhole_sync{face}") for face in ("", ".aio", ".twisted")]
    assert set(faces[1].__all__) == set(faces[2].__all__)
    assert set(faces[1].__all__) < set(faces[0].__all__)
    for name in faces[1].__all__:
        shapes = []
        for face in faces:
            what = getattr(face, name)
            methods = (
                {method for method in dir(what) if not method.startswith("_")}
                if isinstance(what, type)
                else set()
            )
            shapes.append(methods)
        assert shapes[0] == shapes[1] == shapes[2], name


def test_every_option_is_described():
    for options in (wormhole_sync.Options, wormhole_sync.Routes):
        for name in options.__annotations__:
            if name in options.__doc__ or name in wormhole_sync.Options.__doc__:
                continue
            raise AssertionError(name)
