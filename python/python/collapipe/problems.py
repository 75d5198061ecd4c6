"""Slot problems, the exact solver, and its answers."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from . import _core
from ._json import is_path, read, refused, text, whole


def _array(rows: list[list[float]]) -> Any:
    try:
        import numpy
    except ImportError:
        return rows
    return numpy.array(rows)


class Problem:
    """What is decided in one slot, what it costs and what limits it (``collapipe.slot-problem/1`` or ``/2``).

    ``source`` is a dict, JSON text, or the path of a file. It is validated: :class:`InputError` names field, value and what is allowed.
    A problem does not change; ``with_...`` returns another one.
    """

    __slots__ = ("_native",)
    _native: _core.Problem

    def __init__(self, source: dict[str, Any] | str | os.PathLike[str]):
        self._native = _core.Problem.from_json(read(source) if is_path(source) else text(source))

    @classmethod
    def _of(cls, native: _core.Problem) -> Problem:
        made = cls.__new__(cls)
        made._native = native
        return made

    def to_dict(self) -> dict[str, Any]:
        """All fields, as in the exchange format."""
        return self._native.to_dict()

    def to_json(self) -> str:
        """The exchange format; numbers read back bit for bit."""
        return self._native.to_json()

    @property
    def devices(self) -> list[int]:
        """Number of devices of each cluster."""
        return self._native.devices()

    @property
    def blocks(self) -> int:
        """L, the encoder blocks to be placed."""
        return self._native.blocks()

    @property
    def latency_weight(self) -> float:
        """V, the price of a second of round latency, in 1/s."""
        return self._native.latency_weight()

    def with_latency_weight(self, weight: float) -> Problem:
        """The same problem at another V, in 1/s."""
        return self._of(self._native.with_latency_weight(weight))

    def gains(self, cluster: int = 0) -> Any:
        """Gain-to-noise ratios of a cluster in Hz/W, sender by receiver, (K+2) x (K+2): node 0 is the control unit, k+1 device k, K+1
        the edge server. A numpy array where numpy is installed, else lists."""
        return _array(self._native.gains(whole("cluster", cluster)))

    def with_gains(self, gains: Any, cluster: int = 0) -> Problem:
        """The same problem with other gains of a cluster, of the shape of :meth:`gains`."""
        rows = gains.tolist() if hasattr(gains, "tolist") else gains
        return self._of(self._native.with_gains(whole("cluster", cluster), rows))

    @property
    def prices(self) -> list[list[float]]:
        """Energy prices in 1/J: one list per cluster, control unit first, then its devices."""
        return self._native.prices()

    def with_prices(self, prices: Sequence[Any]) -> Problem:
        """The same problem at other energy prices, of the shape of :attr:`prices`."""
        rows = [row.tolist() if hasattr(row, "tolist") else list(row) for row in prices]
        return self._of(self._native.with_prices(rows))

    def __repr__(self) -> str:
        return f"<collapipe.Problem: {self.blocks} blocks, devices {self.devices}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Problem) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(self.to_json())

    def __reduce__(self) -> tuple[Any, ...]:
        return (Problem, (self.to_json(),))


class Solution:
    """A solver's answer: a decision with a proved bound, or why there is none."""

    __slots__ = ("_native",)
    _native: _core.Solution

    def __init__(self) -> None:
        raise TypeError("solutions come from solve()")

    @classmethod
    def _of(cls, native: _core.Solution) -> Solution:
        made = cls.__new__(cls)
        made._native = native
        return made

    @property
    def status(self) -> str:
        """``optimal``, ``feasible``, ``time_limit``, ``work_limit``, ``interrupted`` or ``infeasible``."""
        return self._native.status

    @property
    def objective(self) -> float | None:
        """V times the round latency, plus priced energies, plus the plan's penalty; None where there is no decision."""
        return self._native.objective

    @property
    def lower_bound(self) -> float | None:
        """No decision has a smaller objective: proved."""
        return self._native.lower_bound

    @property
    def gap(self) -> float | None:
        """(objective - lower bound)/abs(objective)."""
        return self._native.gap

    @property
    def reason(self) -> str | None:
        """Which constraint makes the problem infeasible; None where there is a decision."""
        return self._native.reason

    @property
    def decision(self) -> dict[str, Any] | None:
        """Index of the plan, and per cluster the active devices, segment sizes (blocks, one per active device), bandwidths (Hz) and powers (W)
        of every message, as in the exchange format; None where there is none."""
        return self._native.decision

    @property
    def prices(self) -> dict[str, Any] | None:
        """Shadow prices: of a hertz of every band (1/Hz), and each cluster's share in the round latency; None without a decision."""
        return self._native.prices

    @property
    def evaluation(self) -> dict[str, Any] | None:
        """What the decision costs: latencies by part (s), energies (J), terms of the objective, broken constraints; None without one."""
        return self._native.evaluation

    @property
    def problem(self) -> Problem:
        """The problem that was solved."""
        return Problem._of(self._native.problem)

    def to_dict(self) -> dict[str, Any]:
        """The answer as ``collapipe solve`` prints it."""
        return self._native.to_dict()

    def to_json(self) -> str:
        """The same as text."""
        return self._native.to_json()

    def __repr__(self) -> str:
        if self.objective is None:
            return f"<collapipe.Solution: {self.status}: {self.reason}>"
        return f"<collapipe.Solution: {self.status}, objective {self.objective:.6g}, gap {self.gap:.1e}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return (_solution, self._native.state())


def _solution(problem: str, solved: str) -> Solution:
    return Solution._of(_core.Solution.from_state(problem, solved))


class Solver:
    """The exact solver for slots that follow one another: each solve starts from the last one's prices and choices, which changes the
    time and not the answer (within ``gap``). Pickled, it keeps its settings and forgets the rest.

    ``gap`` is the relative gap at which a search ends, ``time_limit`` seconds and ``work_limit`` operations end it earlier; the
    solution then has a decision, a proved bound, and a status that says so.
    """

    def __init__(self, gap: float = 1e-7, time_limit: float | None = None, work_limit: int | None = None):
        self._settings = (gap, time_limit, whole("work_limit", work_limit))
        self._native = _core.Solver(*self._settings)

    def __reduce__(self) -> tuple[Any, ...]:
        return (Solver, self._settings)

    def solve(
        self,
        problem: Problem | dict[str, Any] | str | os.PathLike[str],
        watch: Callable[[float | None, float | None, int], Any] | None = None,
    ) -> Solution:
        """Solves a problem. ``watch(objective, lower_bound, work)`` is called about every 10 ms, with None for what is not known yet; a true
        result ends the solve. Ctrl-C ends it too."""
        return Solution._of(self._native.solve(_problem(problem)._native, watch))

    def solve_many(self, problems: Iterable[Problem | dict[str, Any] | str | os.PathLike[str]]) -> list[Solution]:
        """Solves problems at once, on all cores, each by itself; the order is that of the problems."""
        natives = [_problem(problem)._native for problem in problems]
        return [Solution._of(native) for native in self._native.solve_many(natives)]


def _problem(problem: Problem | dict[str, Any] | str | os.PathLike[str]) -> Problem:
    return problem if isinstance(problem, Problem) else Problem(problem)


def solve(
    problem: Problem | dict[str, Any] | str | os.PathLike[str],
    gap: float = 1e-7,
    time_limit: float | None = None,
    work_limit: int | None = None,
) -> Solution:
    """Solves one problem from nothing; see :class:`Solver`."""
    return Solver(gap, time_limit, work_limit).solve(problem)


def solve_many(
    problems: Iterable[Problem | dict[str, Any] | str | os.PathLike[str]],
    gap: float = 1e-7,
    time_limit: float | None = None,
    work_limit: int | None = None,
) -> list[Solution]:
    """Solves problems at once, on all cores, with one release of the interpreter's lock; see :meth:`Solver.solve_many`."""
    return Solver(gap, time_limit, work_limit).solve_many(problems)


def evaluate(
    problem: Problem | dict[str, Any] | str | os.PathLike[str],
    decision: dict[str, Any] | str | Solution,
    tolerance: float = 1e-9,
) -> dict[str, Any]:
    """What any decision costs, whoever made it: the fields of :attr:`Solution.evaluation`, with ``feasible`` (every constraint holds within
    ``tolerance``, relative) and ``violations`` in words."""
    if not 0.0 <= tolerance < math.inf:
        raise refused("tolerance", tolerance, "a finite number >= 0")
    if isinstance(decision, Solution):
        decision = decision.to_json()
    return _core.evaluate(_problem(problem)._native, text(decision), tolerance)
