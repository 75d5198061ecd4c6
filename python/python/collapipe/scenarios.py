"""Scenarios: who trains what, over which radio, within which budgets."""

from __future__ import annotations

import os
from typing import Any

from . import _core
from ._json import is_path, json_of, read, text, whole
from .problems import Problem


class Scenario:
    """A validated scenario (``collapipe.scenario/1``).

    ``source`` is TOML text, the path of a file, or a dict; None is the built-in scenario. Relative files of rate traces are looked up in
    ``folder``, by default the file's own, or the current one. A scenario does not change; :meth:`with_` returns another one.
    """

    __slots__ = ("_native",)
    _native: _core.Scenario

    def __init__(self, source: str | os.PathLike[str] | dict[str, Any] | None = None, folder: str | os.PathLike[str] | None = None):
        if source is None:
            self._native = _core.Scenario.builtin()
        elif isinstance(source, dict):
            self._native = _core.Scenario.from_json(text(source), os.fspath(folder or ""))
        elif is_path(source):
            folder = folder or os.path.dirname(os.fspath(source))
            self._native = _core.Scenario.from_toml(read(source), os.fspath(folder), [])
        elif isinstance(source, str):
            self._native = _core.Scenario.from_toml(source, os.fspath(folder or ""), [])
        else:
            raise TypeError(f"a scenario is TOML text, a path, a dict or None, not {type(source).__name__}")

    @classmethod
    def _of(cls, native: _core.Scenario) -> Scenario:
        made = cls.__new__(cls)
        made._native = native
        return made

    @classmethod
    def preset(cls, name: str) -> Scenario:
        """A scenario to begin with: ``builtin``, or four boards on one Wi-Fi (``wifi``) or on Ethernet (``ethernet``)."""
        return cls._of(_core.Scenario.preset(name))

    def with_(self, values: dict[str, Any] | None = None, /, **top: Any) -> Scenario:
        """The same scenario with other values: ``with_(slots=100)``, or by dotted path
        ``with_({"clusters.0.bandwidth_hz": 2e7, "clusters.*.devices.nano.budget_j_per_round": 80.0})``, where elements of a list are named
        by number, by name, or all of them by ``*``."""
        given = {**(values or {}), **top}
        return self._of(self._native.with_values([(path, json_of(value)) for path, value in given.items()]))

    def problem(self, slot: int = 0) -> Problem:
        """The problem of a slot, from 0, as it occurs in a run; the slots before it are played by the exact solver. Raises
        :class:`Infeasible` where every device of a cluster is absent."""
        return Problem._of(self._native.problem(whole("slot", slot)))

    @property
    def slots(self) -> int:
        """Number of rounds."""
        return self._native.slots()

    @property
    def seed(self) -> int:
        """Base of all random numbers."""
        return self._native.seed()

    @property
    def clusters(self) -> list[str]:
        """Names of the clusters."""
        return self._native.clusters()

    @property
    def nodes(self) -> list[dict[str, Any]]:
        """Every node whose energy counts: ``node``, ``cluster`` (its index) and ``budget_j`` per round, None without a limit."""
        return [{"node": name, "cluster": cluster, "budget_j": budget} for name, cluster, budget in self._native.nodes()]

    @property
    def notes(self) -> list[str]:
        """What is valid and may still not be meant."""
        return self._native.notes()

    def to_dict(self) -> dict[str, Any]:
        """What the file says, with the values of :meth:`with_`; without what is filled in."""
        return self._native.to_dict()

    def to_toml(self) -> str:
        """The text; with values of :meth:`with_` without the comments."""
        return self._native.to_toml()

    def __repr__(self) -> str:
        return f"<collapipe.Scenario: {self.slots} slots, clusters {', '.join(self.clusters)}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Scenario) and self.to_dict() == other.to_dict() and self._native.state()[1] == other._native.state()[1]

    def __hash__(self) -> int:
        return hash((self.slots, self.seed, *self.clusters))

    def __reduce__(self) -> tuple[Any, ...]:
        return (_scenario, self._native.state())


def _scenario(written: str, folder: str, assignments: list[str]) -> Scenario:
    return Scenario._of(_core.Scenario.from_toml(written, folder, assignments))


#: What functions take for a scenario.
ScenarioSource = Scenario | str | os.PathLike[str] | dict[str, Any] | None


def scenario_of(source: ScenarioSource) -> Scenario:
    """The scenario of a source."""
    return source if isinstance(source, Scenario) else Scenario(source)
