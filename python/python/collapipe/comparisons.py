"""Experiments that compare policies, values and seeds: ``collapipe reproduce``, ``compare`` and ``sweep`` from Python."""

from __future__ import annotations

import json
import os
import tempfile
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from . import _core
from ._core import Table
from ._json import json_of, read, refused, whole
from .scenarios import ScenarioSource, scenario_of

#: Called with the number of finished runs and that of all runs, after each run.
Progress = Callable[[int, int], Any]
#: Fields that are varied, and their values: fields that take the same value in a tuple, or joined by "+".
Vary = Mapping[str | tuple[str, ...], Iterable[Any]]


class Results:
    """What an experiment found: one row per run, and how they compare; from the folder of an experiment, or its ``result.json``.

    ``rows`` is a tidy table: ``pandas.DataFrame.from_arrow(results.rows)``.
    """

    __slots__ = ("_json", "_native", "files")
    _json: str
    _native: _core.Results

    #: Paths of what was written; empty where nothing is kept.
    files: list[str]

    def __init__(self, source: str | os.PathLike[str]):
        path = Path(source)
        self._load(read(path / "result.json" if path.is_dir() else path), [])

    def _load(self, text: str, files: list[str]) -> None:
        self._json = text
        self._native = _core.Results.from_json(json.dumps(json.loads(text)["table"]))
        self.files = files

    @classmethod
    def _of(cls, text: str, files: list[str]) -> Results:
        made = cls.__new__(cls)
        made._load(text, files)
        return made

    @property
    def rows(self) -> Table:
        """One row per run: x (what was varied as a number), x_label, series (policy, and what else was varied), seed, and a column per metric,
        as latency_s and energy_j."""
        return self._native.rows()

    def to_dict(self) -> dict[str, Any]:
        """All of it with its provenance: ``result.json``."""
        said: dict[str, Any] = json.loads(self._json)
        return said

    def to_json(self) -> str:
        """The same as text."""
        return self._json

    def __len__(self) -> int:
        return len(self._native)

    def __str__(self) -> str:
        title = self.to_dict()["table"]["title"]
        found = self._native.text()
        return f"{title}\n{found}" if found else f"{title}: {len(self)} runs"

    def __repr__(self) -> str:
        return f"<collapipe.Results: {self.to_dict()['table']['name']}, {len(self)} runs>"

    def __reduce__(self) -> tuple[Any, ...]:
        return (_results, (self._json, self.files))


def _results(text: str, files: list[str]) -> Results:
    return Results._of(text, files)


#: Plays runs into a folder: all cores of this machine, or a cluster.
Player = Callable[[_core.Reproduction, str | os.PathLike[str], Progress | None], None]


def play_here(reproduction: _core.Reproduction, folder: str | os.PathLike[str], progress: Progress | None) -> None:
    """Plays the runs on all cores."""
    runs = reproduction.runs(None)
    reproduction.play(folder, None, progress and (lambda done: progress(done, runs)))


def of_compare(scenario: ScenarioSource, policies: Sequence[str] | None, slots: int, seeds: int) -> _core.Reproduction:
    """The runs of :func:`compare`."""
    native = scenario_of(scenario)._native
    if policies is None:
        policies, left_out = _core.compared(native)
        for reason in left_out:
            # Of whoever called `compare`.
            warnings.warn(reason, stacklevel=3)
    return _core.Reproduction.of_compare(native, list(policies), whole("slots", slots), whole("seeds", seeds))


def of_sweep(scenario: ScenarioSource, vary: Vary, policies: Sequence[str], slots: int, seeds: int) -> _core.Reproduction:
    """The runs of :func:`sweep`."""
    paths = [key.split("+") if isinstance(key, str) else list(key) for key in vary]
    for path, of in zip(paths, vary.values()):
        if isinstance(of, str) or not isinstance(of, Iterable):
            raise refused("+".join(path), of, "a list of values")
    values = [[json_of(value) for value in of] for of in vary.values()]
    native = scenario_of(scenario)._native
    return _core.Reproduction.of_sweep(native, list(zip(paths, values)), list(policies), whole("slots", slots), whole("seeds", seeds))


def of_catalogue(
    names: Sequence[str], quick: bool, slots: int | None, seeds: int | None, traces: str | os.PathLike[str] | None
) -> _core.Reproduction:
    """The runs of :func:`reproduce`."""
    traces = None if traces is None else os.path.abspath(traces)
    return _core.Reproduction.of_catalogue(list(names), quick, whole("slots", slots), whole("seeds", seeds), traces)


#: Who plays the runs of a call: all cores of this machine, or what :mod:`collapipe.ray` puts in their place.
player: ContextVar[Player] = ContextVar("player", default=play_here)


def write(reproduction: _core.Reproduction, folder: str | os.PathLike[str], progress: Progress | None, figures: str) -> list[str]:
    """Plays what a folder does not hold yet and writes the results; returns the paths."""
    reproduction = reproduction.going_on_in(folder, figures)
    player.get()(reproduction, folder, progress)
    return [os.fspath(path) for path in reproduction.write(folder)]


def one(
    reproduction: _core.Reproduction, name: str, folder: str | os.PathLike[str] | None, progress: Progress | None, figures: str
) -> Results:
    """The results of the one experiment of some runs."""
    if folder is not None:
        files = write(reproduction, folder, progress, figures)
        return Results._of(read(Path(folder) / name / "result.json"), files)
    with tempfile.TemporaryDirectory(prefix="collapipe-") as kept:
        write(reproduction, kept, progress, figures)
        return Results._of(read(Path(kept) / name / "result.json"), [])


def experiments() -> dict[str, str]:
    """Names of the experiments, and what each asks."""
    return dict(_core.experiments())


def compare(
    scenario: ScenarioSource = None,
    policies: Sequence[str] | None = None,
    *,
    slots: int = 100,
    seeds: int = 5,
    folder: str | os.PathLike[str] | None = None,
    figures: str = "screen",
    progress: Progress | None = None,
) -> Results:
    """Plays policies (:func:`policies`; the program's choice if none is named) against each other in the same states of a scenario, for
    ``seeds`` seeds from the scenario's own on, on all cores: ``collapipe compare``.

    With a ``folder`` data, figures and ``report.html`` are written there, and every finished run is kept, so that an interrupted call goes on
    where it ended. ``figures`` is their style: "paper", "paper-wide", "screen" or "slides". ``progress(done, runs)`` is called after each run. :func:`collapipe.ray.compare` does the same on many machines.
    """
    return one(of_compare(scenario, policies, slots, seeds), "compare", folder, progress, figures)


def sweep(
    scenario: ScenarioSource = None,
    vary: Vary | None = None,
    *,
    policies: Sequence[str] = ("exact",),
    slots: int = 100,
    seeds: int = 5,
    folder: str | os.PathLike[str] | None = None,
    figures: str = "screen",
    progress: Progress | None = None,
) -> Results:
    """Plays a scenario at several values of its fields, all with all, on all cores: ``collapipe sweep``.

    ``vary`` has for each field, by its path as :meth:`Scenario.with_` takes it, its values: ``{"latency_weight": [0.1, 1.0]}``; fields that
    take the same value are joined by "+", or in a tuple. The first one is the axis of the figure. The rest is as in :func:`compare`.
    """
    return one(of_sweep(scenario, vary or {}, policies, slots, seeds), "sweep", folder, progress, figures)


def reproduce(
    names: Sequence[str] = (),
    folder: str | os.PathLike[str] = "collapipe-reproduce",
    *,
    quick: bool = False,
    slots: int | None = None,
    seeds: int | None = None,
    traces: str | os.PathLike[str] | None = None,
    figures: str = "screen",
    progress: Progress | None = None,
) -> list[str]:
    """Plays experiments (all if none is named) on all cores and writes data, figures and ``report.html`` into ``folder``; returns the paths.
    :class:`Results` reads those of one from its folder.

    What the folder holds already is not played again, so that an interrupted call goes on where it ended. ``quick`` is a small scale; ``slots``
    and ``seeds`` take the place of its numbers. ``progress(done, runs)`` is called after each run. :func:`collapipe.ray.reproduce` does the same
    on many machines.
    """
    return write(of_catalogue(names, quick, slots, seeds, traces), folder, progress, figures)
