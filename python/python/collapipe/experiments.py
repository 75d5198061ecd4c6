"""The experiments that compare policies: ``collapipe reproduce`` from Python."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from . import _core


def experiments() -> dict[str, str]:
    """Names of the experiments, and what each asks."""
    return dict(_core.experiments())


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
    """Plays experiments (all if none is named) on all cores and writes data, figures and ``report.html`` into ``folder``; returns the paths.

    What the folder holds already is not played again, so that an interrupted call goes on where it ended. ``quick`` is a small scale; ``slots``
    and ``seeds`` take the place of its numbers. ``progress(done, runs)`` is called after each run. :func:`collapipe.ray.reproduce` does the same
    on many machines.
    """
    reproduction = _core.Reproduction(names, quick, slots, seeds, traces)
    runs = reproduction.runs(None)
    reproduction.play(folder, None, progress and (lambda done: progress(done, runs)))
    return [os.fspath(path) for path in reproduction.write(folder)]
