import os
import signal
from pathlib import Path

import pytest

import collapipe

NAMES = ["v", "segments"]
SIZE = {"quick": True, "slots": 4, "seeds": 1}


def files(folder):
    root = Path(folder)
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    folder = tmp_path_factory.mktemp("here")
    seen = []
    collapipe.reproduce(NAMES, folder, **SIZE, progress=lambda done, runs: seen.append((done, runs)))
    assert seen[-1][0] == seen[-1][1] == len(seen)
    return folder


def test_reproduced_and_resumed(here):
    before = files(here)
    assert "v/data.csv" in before and "report.html" in before
    assert collapipe.reproduce(NAMES, here, **SIZE)
    assert files(here) == before


def test_unknown_experiments_are_refused(tmp_path):
    with pytest.raises(collapipe.InputError, match="headline"):
        collapipe.reproduce(["headlin"], tmp_path)
    assert set(NAMES) <= set(collapipe.experiments())


def test_on_a_cluster_byte_for_byte_though_a_worker_is_killed(here, tmp_path):
    ray = pytest.importorskip("ray")
    import collapipe.ray

    ray.init(num_cpus=3, include_dashboard=False, log_to_driver=False)
    try:
        killed = []

        def kill_one(done, runs):
            if not killed:
                for pid in at_work()[:1]:
                    os.kill(pid, signal.SIGKILL)
                    killed.append(pid)

        collapipe.ray.reproduce(NAMES, tmp_path, **SIZE, progress=kill_one)
        assert killed, "no worker was there to be killed"
    finally:
        ray.shutdown()
    assert files(tmp_path) == files(here)


def at_work():
    """Process numbers of the workers that are playing a run."""
    found = []
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and Path(f"/proc/{name}/cmdline").read_bytes().startswith(b"ray::_play"):
                found.append(int(name))
        except OSError:  # has ended meanwhile
            continue
    return found
