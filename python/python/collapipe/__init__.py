"""Exact, certified planning of collaborative Transformer training over phones and boards.

    >>> import collapipe
    >>> scenario = collapipe.Scenario()                  # the built-in one
    >>> solution = collapipe.solve(scenario.problem(0))
    >>> solution.status, solution.gap <= 1e-7
    ('optimal', True)

Every solution has a lower bound that is proved. Numbers are those of the program, bit for bit. Quantities are in SI units (s, J, W, Hz,
bit, byte, FLOP) unless a name says otherwise. Solves release the interpreter's lock, and Ctrl-C ends them.
"""

from ._core import (
    CollapipeError,
    Infeasible,
    InputError,
    Interrupted,
    MachineError,
    Table,
    __version__,
)
from .experiments import experiments, reproduce
from .problems import Problem, Solution, Solver, evaluate, solve, solve_many
from .runs import Policy, Run, RunRecord, run
from .scenarios import Scenario
from .tools import bound, policies, timeline

__all__ = [
    "CollapipeError",
    "Infeasible",
    "InputError",
    "Interrupted",
    "MachineError",
    "Policy",
    "Problem",
    "Run",
    "RunRecord",
    "Scenario",
    "Solution",
    "Solver",
    "Table",
    "__version__",
    "bound",
    "evaluate",
    "experiments",
    "policies",
    "reproduce",
    "run",
    "solve",
    "solve_many",
    "timeline",
]
