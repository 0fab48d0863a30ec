"""The wheel in environments of its own: alone, beside magic-wormhole, and after either has gone."""

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
WHEEL = Path(os.environ["WORMHOLE_WHEEL"])
WHEELS = os.environ["WORMHOLE_WHEELS"]
"""Where magic-wormhole and what it needs lie as wheels, so that no test reaches out."""

OURS = "import wormhole.transcribe, wormhole_sync; print(wormhole.transcribe.Initiator.__module__)"
THEIRS = "import wormhole; print(wormhole.create.__name__, wormhole.__version__)"


class Environment:
    def __init__(self, folder):
        venv.create(folder, with_pip=True)
        self.python = str(folder / "bin" / "python")

    def pip(self, *arguments):
        command = [self.python, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
        subprocess.run(command, check=True, capture_output=True)

    def install(self, what):
        self.pip("install", "--no-index", "--find-links", WHEELS, what)

    def says(self, program):
        ran = subprocess.run([self.python, "-c", program], check=False, capture_output=True, text=True)
        return ran.stdout.strip() if ran.returncode == 0 else ran.stderr.strip().splitlines()[-1]


@pytest.fixture
def environment(tmp_path):
    return Environment(tmp_path / "environment")


def test_alone_the_programs_run(environment, run):
    environment.install(str(WHEEL))
    showing = run(str(EXAMPLES / "initiator.py"), python=environment.python)
    code = showing.wait_for(r"Invitation Code: (\S+)")[1]
    typing = run(str(EXAMPLES / "receiver.py"), code, python=environment.python)
    assert typing.succeed().decode() == "Their blob: initiator's blob\n"
    showing.succeed()
    assert environment.says("import wormhole; print(wormhole.__file__)") == "None"  # a package of others


@pytest.mark.timeout(180)
@pytest.mark.parametrize("first", ["ours", "theirs"])
def test_beside_magic_wormhole_and_after_either_has_gone(tmp_path, first):
    wheels = {"ours": str(WHEEL), "theirs": "magic-wormhole"}
    environment = Environment(tmp_path / "environment")
    environment.install(wheels.pop(first))
    environment.install(wheels.popitem()[1])
    assert environment.says(OURS) == "wormhole_sync.transcribe"
    assert environment.says(THEIRS) == "create 0.24.0"
    if first == "ours":
        environment.pip("uninstall", "--yes", "wormhole-sync")
        assert environment.says(THEIRS) == "create 0.24.0"
        assert "No module named 'wormhole.transcribe'" in environment.says(OURS)
    else:
        environment.pip("uninstall", "--yes", "magic-wormhole")
        assert environment.says(OURS) == "wormhole_sync.transcribe"
        assert "has no attribute 'create'" in environment.says(THEIRS)


def test_the_wheel_holds_what_it_should():
    names = zipfile.ZipFile(WHEEL).namelist()
    assert [name for name in names if name.startswith("wormhole/")] == ["wormhole/transcribe.py"]
    assert {"wormhole_sync/py.typed", "wormhole_sync/_native.pyi"} <= set(names)
    assert "abi3" in WHEEL.name
    assert WHEEL.name.startswith("wormhole_sync-")


def interpreters():
    """Other versions of Python on this computer: on the path, or kept by pyenv."""
    candidates = {}
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for minor in range(9, 30):
        if minor == sys.version_info.minor:
            continue
        roots = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep)]
        roots += sorted(pyenv.glob(f"versions/3.{minor}.*/bin"))
        for root in roots:
            path = root / f"python3.{minor}"
            if path.exists():
                probe = subprocess.run([path, "-c", "print('is here')"], check=False, capture_output=True)
                if b"is here" in probe.stdout:
                    candidates.setdefault(f"3.{minor}", str(path))
    return candidates


OTHERS = interpreters()


@pytest.mark.parametrize("version", sorted(OTHERS) or ["none"])
def test_other_versions_of_python_load_the_same_wheel(tmp_path, run, version):
    if version not in OTHERS:
        pytest.skip("there is no other Python from 3.9 on here than the one that runs the tests")
    zipfile.ZipFile(WHEEL).extractall(tmp_path / "package")
    environment = {"PYTHONPATH": str(tmp_path / "package"), "PYTHONWARNINGS": "error"}
    for one, other in (("initiator.py", "aio_receiver.py"), ("aio_initiator.py", "receiver.py")):
        showing = run(str(EXAMPLES / one), python=OTHERS[version], environment=environment)
        code = showing.wait_for(r"Invitation Code: (\S+)")[1]
        run(str(EXAMPLES / other), code, python=OTHERS[version], environment=environment).succeed()
        showing.succeed()
