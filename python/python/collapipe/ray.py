"""Experiments on a cluster of machines, by Ray: each run a task, results merged into the folder and report of one machine, byte for byte.

    import ray, collapipe.ray
    ray.init()                       # this machine; ray.init("auto") or an address for a cluster
    collapipe.ray.reproduce(["headline"], "out", quick=True)

Ray has to be installed here, and this package on every machine of the cluster.
"""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

import ray as _ray

from . import _core, comparisons
from .comparisons import Progress

P = ParamSpec("P")
R = TypeVar("R")

#: How often a run whose worker died is played again.
RETRIES = 5


@functools.lru_cache(maxsize=2)
def _runs(request: str) -> _core.Reproduction:
    """The runs of a request, which a worker lists once."""
    return _core.Reproduction.of_json(request)


def _play(request: str, part: int, parts: int) -> dict[str, bytes]:
    """Plays one part in a folder of its own, on whatever machine; returns its files."""
    with tempfile.TemporaryDirectory(prefix="collapipe-") as folder:
        _runs(request).play(folder, (part, parts), None)
        root = Path(folder)
        return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def _player(reproduction: _core.Reproduction, folder: str | os.PathLike[str], progress: Progress | None) -> None:
    """Plays the runs by Ray. What arrives is kept in ``folder/parts`` and gathered at the end: an interrupted call goes on where it ended."""
    if not _ray.is_initialized():
        _ray.init()
    parts = reproduction.runs(None)
    request = reproduction.to_json()
    kept = Path(folder) / "parts" / hashlib.sha256(request.encode()).hexdigest()[:16]
    task = _ray.remote(num_cpus=1, max_retries=RETRIES, retry_exceptions=False)(_play)
    shared = _ray.put(request)
    there = {part for part in range(1, parts + 1) if (kept / str(part)).is_dir()}
    open_parts = [part for part in range(1, parts + 1) if part not in there and reproduction.missing(folder, (part, parts))]
    waiting = {task.remote(shared, part, parts): part for part in open_parts}
    done = parts - len(waiting)
    try:
        while waiting:
            ready, _ = _ray.wait(list(waiting), num_returns=1)
            for reference in ready:
                part = waiting[reference]
                _keep(kept / str(part), _ray.get(reference))
                there.add(part)
                del waiting[reference]
                done += 1
                if progress is not None:
                    progress(done, parts)
    finally:
        for reference in waiting:
            _ray.cancel(reference, force=True)
    reproduction.gather([kept / str(part) for part in sorted(there)], folder)
    shutil.rmtree(kept.parent, ignore_errors=True)


def _keep(folder: Path, files: dict[str, bytes]) -> None:
    """A part's files, all of them or none."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".part-") as unfinished:
        for name, content in files.items():
            path = Path(unfinished) / "part" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        (Path(unfinished) / "part").rename(folder)


def _by_ray(here: Callable[P, R]) -> Callable[P, R]:
    """The same call with runs that are tasks of Ray."""

    @functools.wraps(here)
    def there(*arguments: P.args, **named: P.kwargs) -> R:
        before = comparisons.player.set(_player)
        try:
            return here(*arguments, **named)
        finally:
            comparisons.player.reset(before)

    there.__module__ = __name__
    there.__doc__ = f"""As :func:`collapipe.{here.__name__}`, but every run is a task of Ray.

    Runs of workers that die are played again. With a ``folder``, what was played is kept in ``folder/parts`` as soon as it arrives, and
    removed when all of it is there: an interrupted call goes on where it ended. Ctrl-C cancels what has not begun. Files that are named by
    the scenario, or as ``traces``, have to be there, under the same path, on every machine.
    """
    return there


compare = _by_ray(comparisons.compare)
sweep = _by_ray(comparisons.sweep)
reproduce = _by_ray(comparisons.reproduce)
