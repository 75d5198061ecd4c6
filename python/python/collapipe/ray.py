"""Experiments on a cluster of machines, by Ray: each run a task, results merged into the folder and report of one machine, byte for byte.

    import ray, collapipe.ray
    ray.init()                       # this machine; ray.init("auto") or an address for a cluster
    collapipe.ray.reproduce(["headline"], "out", quick=True)

Ray has to be installed here, and this package on every machine of the cluster.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import ray as _ray

from . import _core

#: How often a run whose worker died is played again.
RETRIES = 5


def _play(arguments: tuple[Any, ...], part: int, parts: int) -> dict[str, bytes]:
    """Plays one part in a folder of its own, on whatever machine; returns its files."""
    with tempfile.TemporaryDirectory() as folder:
        _core.Reproduction(*arguments).play(folder, (part, parts), None)
        root = Path(folder)
        return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def reproduce(
    names: Sequence[str] = (),
    folder: str | os.PathLike[str] = "collapipe-reproduce",
    *,
    quick: bool = False,
    slots: int | None = None,
    seeds: int | None = None,
    traces: str | os.PathLike[str] | None = None,
    progress: Callable[[int, int], Any] | None = None,
) -> list[str]:
    """As :func:`collapipe.reproduce`, but every run is a task of Ray.

    Runs of workers that die are played again. What was played is kept in ``folder/parts`` as soon as it arrives, and removed when
    the report is written: an interrupted call goes on where it ended. Ctrl-C cancels what has not begun. With ``traces`` the folder has to be there, under
    the same path, on every machine.
    """
    if not _ray.is_initialized():
        _ray.init()
    traces = None if traces is None else os.path.abspath(traces)
    arguments = (list(names), quick, slots, seeds, traces)
    reproduction = _core.Reproduction(*arguments)
    parts = reproduction.runs(None)
    kept = Path(folder) / "parts"
    task = _ray.remote(num_cpus=1, max_retries=RETRIES, retry_exceptions=False)(_play)
    open_parts = [part for part in range(1, parts + 1) if not (kept / str(part)).is_dir()]
    waiting = {task.remote(arguments, part, parts): part for part in open_parts}
    done = parts - len(waiting)
    try:
        while waiting:
            ready, _ = _ray.wait(list(waiting), num_returns=1)
            for reference in ready:
                _keep(kept / str(waiting.pop(reference)), _ray.get(reference))
                done += 1
                if progress is not None:
                    progress(done, parts)
    finally:
        for reference in waiting:
            _ray.cancel(reference, force=True)
    reproduction.gather([kept / str(part) for part in range(1, parts + 1)], folder)
    written = [os.fspath(path) for path in reproduction.write(folder)]
    shutil.rmtree(kept)
    return written


def _keep(folder: Path, files: dict[str, bytes]) -> None:
    """A part's files, all of them or none."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".part-") as unfinished:
        for name, content in files.items():
            path = Path(unfinished) / "part" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        (Path(unfinished) / "part").rename(folder)
