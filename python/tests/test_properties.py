"""A property test of one's own allocator: what a user of the package would write."""

import copy

import pytest

hypothesis = pytest.importorskip("hypothesis")
from hypothesis import given, settings, strategies as st  # noqa: E402

import collapipe  # noqa: E402

BASE = collapipe.Scenario().problem(0)


@settings(max_examples=25, deadline=None)
@given(
    scale=st.floats(0.1, 10.0),
    weight=st.floats(0.01, 10.0),
    band=st.floats(0.5, 2.0),
)
def test_no_decision_beats_the_bound(scale, weight, band):
    data = copy.deepcopy(BASE.to_dict())
    data["latency_weight"] = weight
    for cluster in data["clusters"]:
        cluster["bandwidth_hz"] *= band
    problem = collapipe.Problem(data)
    problem = problem.with_gains(problem.gains(0) * scale, 0) if hasattr(problem.gains(0), "shape") else problem
    solution = collapipe.solve(problem)
    assert solution.status == "optimal"
    # Any other feasible decision: that of the problem before it was changed.
    other = collapipe.evaluate(problem, collapipe.solve(BASE))
    if other["feasible"]:
        assert other["objective"] >= solution.lower_bound * (1 - 1e-9)
    ours = collapipe.evaluate(problem, solution)
    assert ours["feasible"] and ours["objective"] == solution.objective
