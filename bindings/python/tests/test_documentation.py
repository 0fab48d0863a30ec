"""What the documentation shows, runs."""

import ast
import doctest
import importlib
import inspect
import pydoc
import re
import typing
from pathlib import Path

import pytest

import wormhole_sync

HERE = Path(__file__).parent.parent
PAGES = [HERE / "README.md", HERE.parent.parent / "docs" / "python.md"]
EXAMPLES = sorted((HERE / "examples").glob("*.py"))


MODULES = [
    path
    for path in sorted((HERE / "python" / "wormhole_sync").glob("*.py"))
    if path.name != "_settle.py"  # nothing of it is for programs
]
FACES = ["wormhole_sync", "wormhole_sync.aio", "wormhole_sync.twisted"]
PUBLIC = [*FACES, "wormhole_sync.transcribe"]
WITH_EXAMPLES = [*PUBLIC, "wormhole_sync.errors", "wormhole_sync._canceller", "wormhole_sync._options"]


@pytest.fixture
def things(tmp_path):
    """Make what the examples send, and where they put what they receive."""
    (tmp_path / "plan.pdf").write_bytes(b"a whole plan")
    (tmp_path / "received").mkdir()


@pytest.mark.parametrize("name", [name for name in WITH_EXAMPLES if name != "wormhole_sync.twisted"])
def test_examples_in_docstrings(name, things):
    outcome = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert outcome.failed == 0
    assert outcome.attempted


def test_examples_in_docstrings_that_need_a_reactor(run, things):
    run(str(HERE / "tests" / "twisted_examples.py"), "wormhole_sync.twisted").succeed(60)


def public(name):
    """Give what a module has for everybody, but constants."""
    module = importlib.import_module(name)
    return [(name, getattr(module, name)) for name in module.__all__ if callable(getattr(module, name))]


def examples(what):
    parsed = doctest.DocTestParser().get_examples(what.__doc__ or "")
    return "".join(example.source for example in parsed)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_class_and_call_shows_itself_in_an_example(name):
    for called, what in public(name):
        assert called.lower() in examples(what).lower(), (name, called)
        if not isinstance(what, type) or issubclass(what, (Exception, dict)):
            continue
        for method in dir(what):
            if method.startswith("_"):
                continue
            shown = examples(what) + examples(getattr(what, method))
            assert f".{method}" in shown or f"{method}(" in shown, (name, called, method)


@pytest.mark.parametrize("name", PUBLIC)
def test_help_tells_every_option_with_its_type_and_default(name):
    for called, what in public(name):
        if called not in {"Initiator", "Receiver", "Wormhole", "send_file", "send_text", "receive"}:
            continue
        told = pydoc.plain(pydoc.render_doc(what))
        call = what.__init__ if isinstance(what, type) else what
        options = typing.get_type_hints(call)["options"]
        options = typing.get_args(options)[0] if typing.get_args(options) else options
        names = {*typing.get_type_hints(options), *inspect.signature(call).parameters} - {"self", "options"}
        assert {"rendezvous", "time_limit", "on_status"} < names
        for option in names:
            item = re.search(rf"^[ |]*(\w+, )*{option}(, \w+)*: (.*\n){{1,9}}", told, re.MULTILINE)
            assert item, (name, called, option)
            parameter = inspect.signature(call).parameters.get(option)
            if parameter is None or parameter.default is not inspect.Parameter.empty:
                own = re.split(r"\n[ |]*(?!Default)\w+(?:, \w+)*: \w", item[0])[0]
                assert "Default: " in own, (name, called, option)
        assert re.search(r"time_limit: float, seconds\n.*Default: no limit", told)
        assert ("canceller:" in told) == ("canceller" in names), (name, called)


@pytest.mark.parametrize("name", [*PUBLIC, "wormhole_sync.errors", "wormhole.transcribe"])
def test_annotations_can_be_evaluated(name):
    for called, what in public(name):
        typing.get_type_hints(what)
        for method, routine in inspect.getmembers(what, inspect.isfunction):
            if not method.startswith("_") or method in {"__init__", "__enter__", "__aenter__"}:
                assert "return" in typing.get_type_hints(routine), (called, method)
        for member, attribute in inspect.getmembers(what, lambda member: isinstance(member, property)):
            assert "return" in typing.get_type_hints(attribute.fget), (called, member)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_annotations_can_be_evaluated_by_the_oldest_python(path):
    """There is no `X | Y` of types before 3.10."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if node.name.startswith("_") and not node.name.startswith("__"):
                continue
            given = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
            notes = [node.returns, *(argument.annotation for argument in given)]
        elif isinstance(node, ast.ClassDef):
            notes = [line.annotation for line in node.body if isinstance(line, ast.AnnAssign)]
        else:
            continue
        for note in filter(None, notes):
            assert not any(isinstance(part, ast.BitOr) for part in ast.walk(note)), ast.unparse(note)


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
