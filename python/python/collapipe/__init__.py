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
from .drift import DriftProblem, DriftRecord, DriftRun, Minimum
from .comparisons import Results, compare, experiments, reproduce, sweep
from .plans import Plan, plan
from .problems import Problem, Solution, Solver, evaluate, solve, solve_many
from .runs import Policy, Run, RunRecord, run
from .scenarios import Scenario
from .tools import Calibration, bound, calibrate, policies, presets, timeline

__all__ = [
    "Calibration",
    "CollapipeError",
    "DriftProblem",
    "DriftRecord",
    "DriftRun",
    "Infeasible",
    "InputError",
    "Interrupted",
    "MachineError",
    "Minimum",
    "Plan",
    "Policy",
    "Problem",
    "Results",
    "Run",
    "RunRecord",
    "Scenario",
    "Solution",
    "Solver",
    "Table",
    "__version__",
    "bound",
    "calibrate",
    "compare",
    "evaluate",
    "experiments",
    "plan",
    "policies",
    "presets",
    "reproduce",
    "run",
    "solve",
    "solve_many",
    "sweep",
    "timeline",
]
