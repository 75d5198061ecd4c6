import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

import collapipe


@pytest.fixture(scope="session")
def scenario():
    return collapipe.Scenario().with_(slots=6)


@pytest.fixture(scope="session")
def problem(scenario):
    return scenario.problem(0)


@pytest.fixture(scope="session")
def printed():
    """What the program of the same version prints; where CI names one, its absence is a failure."""
    named = os.environ.get("COLLAPIPE_PROGRAM")
    found = named or shutil.which("collapipe")
    if not found:
        pytest.skip("no program: set COLLAPIPE_PROGRAM to compare with it")

    def call(*arguments, stdin=None):
        command = [found, *(os.fspath(argument) for argument in arguments)]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
        assert done.returncode in (0, 3), done.stderr
        return done.stdout

    return call


@pytest.fixture(scope="session")
def program(printed):
    """The same as data."""
    return lambda *arguments, stdin=None: json.loads(printed(*arguments, stdin=stdin))


@pytest.fixture(scope="session")
def written(scenario, tmp_path_factory):
    """The scenario's file."""
    path = tmp_path_factory.mktemp("scenario") / "scenario.toml"
    path.write_text(scenario.to_toml())
    return path


def files(folder):
    """Every file of a folder, by its name."""
    root = Path(folder)
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}
