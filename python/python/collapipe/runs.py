"""Runs of a scenario, round after round, and their records."""

from __future__ import annotations

import abc
import os
from collections.abc import Callable
from typing import Any

from . import _core
from ._core import Table
from ._json import text, whole
from ._record import Going, Record
from .problems import Problem, Solution
from .scenarios import ScenarioSource, scenario_of


class Policy(abc.ABC):
    """A rule that decides rounds, to subclass. The run draws the states, evaluates each decision independently, books the energy and moves
    the queues. What :meth:`decide` raises ends the run with an :class:`InputError` whose ``__cause__`` it is."""

    #: What it is called in records and tables.
    name: str = "own"

    @abc.abstractmethod
    def decide(self, problem: Problem, slot: int) -> dict[str, Any] | str | Solution | None:
        """A decision for a slot's problem, at the prices of the queues; None for no round. One that breaks a constraint ends the run."""


class Run(Going):
    """A run that goes on slot by slot: iterate over it, then take :meth:`record`. A slot is a dict as in the record. After a Ctrl-C in
    the midst of a slot it cannot go on; the record has the slots before.

    ``policy`` is a name (:func:`collapipe.policies`) or a :class:`Policy`. ``slots`` and ``seed`` take the place of the scenario's.
    """

    def __init__(
        self,
        scenario: ScenarioSource = None,
        *,
        slots: int | None = None,
        seed: int | None = None,
        policy: str | Policy = "exact",
        gap: float = 1e-7,
        time_limit: float | None = None,
    ):
        if not isinstance(policy, str) and not callable(getattr(policy, "decide", None)):
            raise TypeError(f"a policy is a name or a Policy, not {type(policy).__name__}")
        name, own = (policy, None) if isinstance(policy, str) else (policy.name, _decider(policy))
        native = scenario_of(scenario)._native
        self._native = _core.Runner(native, whole("slots", slots), whole("seed", seed), name, own, gap, time_limit)

    def finish(self) -> None:
        """Plays the slots that are left."""
        self._native.finish()

    def record(self, certificates: str = "off") -> RunRecord:
        """The record so far. ``certificates`` (``"quick"``, ``"full"``) compares the run with what else was possible, for which its slots
        are solved again."""
        return RunRecord._of(self._native.record(certificates))


def _decider(policy: Policy) -> Callable[[_core.Problem, int], str | None]:
    def decide(problem: _core.Problem, slot: int) -> str | None:
        decision = policy.decide(Problem._of(problem), slot)
        if decision is None:
            return None
        return decision.to_json() if isinstance(decision, Solution) else text(decision)

    return decide


class RunRecord(Record):
    """A whole run, or the finished part of one (``collapipe.run-record/2``): from a path, or JSON text.

    ``slots``, ``nodes`` and ``segments`` are tidy tables: ``pandas.DataFrame.from_arrow(record.slots)`` (or ``pyarrow.table(record.slots)``,
    ``polars.DataFrame(record.slots)``) takes them without copies.
    """

    __slots__ = ()
    _native: _core.RunRecord
    _kind = _core.RunRecord

    @property
    def slots(self) -> Table:
        """One row per slot: slot, status, latency_s, plan, local_iterations, micro_batches, objective, lower_bound, gap, outage_reason, and
        latency_s:NAME per cluster."""
        return self._native.slots()

    @property
    def nodes(self) -> Table:
        """One row per slot and node: slot, node, role, energy_j, budget_j, queue (in budgets)."""
        return self._native.nodes()

    @property
    def segments(self) -> Table:
        """One row per planned slot and device: slot, cluster, device, blocks (0: not in the round)."""
        return self._native.segments()

    @property
    def summary(self) -> dict[str, Any]:
        """What the table of ``collapipe run`` says, as data."""
        return self._native.summary()

    def write(self, folder: str | os.PathLike[str], overwrite: bool = False, figures: str = "screen") -> list[str]:
        """Writes record, tables and figures (for "paper", "paper-wide", "screen" or "slides") as ``collapipe run`` does and returns their
        paths."""
        return [os.fspath(path) for path in self._native.write(os.fspath(folder), overwrite, figures)]


def run(
    scenario: ScenarioSource = None,
    *,
    slots: int | None = None,
    seed: int | None = None,
    policy: str | Policy = "exact",
    gap: float = 1e-7,
    time_limit: float | None = None,
    certificates: str = "off",
    callback: Callable[[dict[str, Any]], Any] | None = None,
) -> RunRecord:
    """Plays a scenario and returns the record. ``callback(slot)`` is called after every slot; a true result stops the run there."""
    going = Run(scenario, slots=slots, seed=seed, policy=policy, gap=gap, time_limit=time_limit)
    if callback is None:
        going.finish()
    else:
        for slot in going:
            if callback(slot):
                break
    return going.record(certificates)
