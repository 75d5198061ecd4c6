"""Drift plus penalty for slot problems of one's own: queues, runs, certificates."""

from __future__ import annotations

import abc
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from . import _core
from ._core import Table
from ._json import json_of
from ._record import Going, Record


@dataclass(frozen=True)
class Minimum:
    """An action, and what is known about it."""

    action: Any
    """The action: whatever JSON can hold, and numpy's numbers and arrays."""
    penalty: float
    """p, in the unit of the problem's ``penalty_unit``."""
    violations: Sequence[float]
    """g, one per constraint; avg g <= 0 is to be kept."""
    exact: bool = False
    """Whether the action minimizes V p + Q g: taken on trust."""
    lower_bound: float | None = None
    """No action of the slot has V p + Q g below this."""


class DriftProblem(abc.ABC):
    """A slot problem of one's own: states come one after the other, and in each an action is to be chosen, so that the mean penalty p is small
    and every constraint avg g <= 0 is kept. Each constraint becomes a queue Q, which grows by g and never falls below zero; the action that
    minimizes V p + Q g in every slot does both (drift plus penalty).

    Scale the constraints so that g is of order one: a budget b of energy e enters as g = e/b - 1, and its queue counts budgets.

        >>> class Sender(DriftProblem):
        ...     penalty, penalty_unit = "price", "EUR"
        ...     constraints = ["sends in half of the slots"]
        ...     def minimize(self, state, penalty_weight, queues):
        ...         send, wait = Minimum(True, state, [-0.5], exact=True), Minimum(False, 0.0, [0.5], exact=True)
        ...         return send if penalty_weight * state < queues[0] else wait
        >>> record = Sender().run([3.0, 1.0, 2.0, 5.0, 1.0, 4.0] * 100, penalty_weight=2.0)
        >>> record.summary["certified"]
        True
    """

    #: What is minimized on average.
    penalty: str = "penalty"
    #: Its unit; empty for a plain number.
    penalty_unit: str = ""
    #: One name per constraint.
    constraints: Sequence[str] = ()
    #: Unit of violations and queues, as "budgets"; empty for plain numbers.
    violation_unit: str = ""

    @abc.abstractmethod
    def minimize(self, state: Any, penalty_weight: float, queues: list[float]) -> Minimum:
        """The action of least V p + Q g in a state, or a good one. ``penalty_weight`` is V > 0, ``queues`` are Q >= 0, one per constraint.
        What it raises ends the run and comes out of it."""

    def start(self, states: Iterable[Any], penalty_weight: float, initial_queues: Sequence[float] | None = None) -> DriftRun:
        """A run over states at V = ``penalty_weight`` that goes on slot by slot. ``initial_queues`` are Q(0), zeros if left out: V times a
        multiplier of the average problem spares most of the transient."""
        return DriftRun(self, states, penalty_weight, initial_queues)

    def run(
        self,
        states: Iterable[Any],
        penalty_weight: float,
        initial_queues: Sequence[float] | None = None,
        *,
        callback: Callable[[dict[str, Any]], Any] | None = None,
    ) -> DriftRecord:
        """Plays all states and returns the record. ``callback(slot)`` is called after every slot; a true result stops the run there."""
        going = self.start(states, penalty_weight, initial_queues)
        for slot in going:
            if callback is not None and callback(slot):
                break
        return going.record()

    def _native(self) -> tuple[tuple[str, str, list[str], str], Callable[..., Any]]:
        return (self.penalty, self.penalty_unit, list(self.constraints), self.violation_unit), self._minimize

    def _minimize(self, state: Any, penalty_weight: float, queues: list[float]) -> tuple[Any, ...]:
        said = self.minimize(state, penalty_weight, queues)
        if not isinstance(said, Minimum):
            raise TypeError(f"minimize must return a Minimum, not {type(said).__name__}")
        violations = [float(value) for value in said.violations]
        return json_of(said.action), float(said.penalty), violations, said.exact, said.lower_bound


class DriftRun(Going):
    """A run of a :class:`DriftProblem` that goes on slot by slot: iterate over it, then take :meth:`record`. A slot is a dict: ``slot``,
    ``penalty``, ``violations``, ``queues`` after it, ``lower_bound`` of V p + Q g where known, ``action``."""

    def __init__(self, problem: DriftProblem, states: Iterable[Any], penalty_weight: float, initial_queues: Sequence[float] | None = None):
        initial = None if initial_queues is None else [float(queue) for queue in initial_queues]
        self._native = _core.DriftRunner(*problem._native(), list(states), penalty_weight, initial)

    def record(self) -> DriftRecord:
        """The record so far."""
        return DriftRecord._of(self._native.record())


class DriftRecord(Record):
    """A run of a :class:`DriftProblem`, or the finished part of one (``collapipe.drift-record/1``): from a path, or JSON text.

    ``slots`` is a tidy table, as those of :class:`RunRecord`.
    """

    __slots__ = ()
    _native: _core.DriftRecord
    _kind = _core.DriftRecord

    @property
    def slots(self) -> Table:
        """One row per slot: slot, penalty, lower_bound, and violation:NAME and queue:NAME per constraint."""
        return self._native.slots()

    @property
    def summary(self) -> dict[str, Any]:
        """Mean penalty, and of every constraint its queue and certificate; ``certified``: all that is proved holds."""
        return self._native.summary()

    def compare(self, problem: DriftProblem, states: Iterable[Any]) -> DriftRecord:
        """The same record, compared with what else was possible in the run's states, which are minimized again at other prices: with the
        certificates of the mean penalty, and the best that could have been done."""
        return DriftRecord._of(self._native.compare(*problem._native(), list(states)))

    def write(self, folder: str | os.PathLike[str], figures: str = "screen") -> list[str]:
        """Writes record, table and figures (for "paper", "paper-wide", "screen" or "slides") and returns their paths."""
        return [os.fspath(path) for path in self._native.write(os.fspath(folder), figures)]
