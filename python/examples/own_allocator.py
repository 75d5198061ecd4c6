"""A property test of an allocator of one's own: it must be feasible, and it is told how far it is from the best.

    pytest own_allocator.py -s
"""

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import collapipe

BASE = collapipe.Scenario().problem(0)


def allocate(problem: collapipe.Problem) -> dict:
    """My allocator: the segments of a solution at other prices, with the bandwidth shared equally. Replace it by yours."""
    free = problem.with_prices([[0.0] * len(prices) for prices in problem.prices])
    decision = copy.deepcopy(collapipe.solve(free).decision)
    bands = [cluster["bandwidth_hz"] for cluster in problem.to_dict()["clusters"]]
    for band, cluster in zip(bands, decision["clusters"]):
        for phase in ("forward", "backward"):
            hops = cluster[phase]
            for hop in hops:
                hop["bandwidth_hz"] = band / len(hops)
    return decision


@settings(max_examples=20, deadline=None)
@given(scale=st.floats(0.3, 3.0), weight=st.floats(0.05, 2.0))
def test_my_allocator(scale: float, weight: float) -> None:
    problem = BASE.with_latency_weight(weight).with_gains(BASE.gains(0) * scale, 0)
    mine = collapipe.evaluate(problem, allocate(problem))
    assert mine["feasible"], mine["violations"]
    best = collapipe.solve(problem)
    # Nobody is below the bound; that would be a fault of the solver, and worth a report.
    assert mine["objective"] >= best.lower_bound * (1 - 1e-9)
    print(f"gain x {scale:.2f}, V = {weight:.2f}: mine costs {mine['objective'] / best.objective:.3f} times the best")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__, "-s", "-q"]))
