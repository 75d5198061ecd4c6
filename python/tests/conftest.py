import json
import os
import shutil
import subprocess

import pytest

import collapipe


@pytest.fixture(scope="session")
def scenario():
    return collapipe.Scenario().with_(slots=6)


@pytest.fixture(scope="session")
def problem(scenario):
    return scenario.problem(0)


@pytest.fixture(scope="session")
def program():
    """The program of the same version, to compare with; where CI names one, its absence is a failure."""
    named = os.environ.get("COLLAPIPE_PROGRAM")
    found = named or shutil.which("collapipe")
    if not found:
        pytest.skip("no program: set COLLAPIPE_PROGRAM to compare with it")

    def call(*arguments, stdin=None):
        done = subprocess.run([found, *arguments], input=stdin, capture_output=True, text=True, check=False)
        assert done.returncode in (0, 3), done.stderr
        return json.loads(done.stdout)

    return call
